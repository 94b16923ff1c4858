import type { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { readBoolean } from './go-boolean.ts';
import { notApplied } from './finding.ts';
import type { AuthorizationPolicyObject, Metadata, TargetRef } from './objects.ts';
import type * as schemas from './policy-schemas.ts';
import { readRule } from './read-rule.ts';

type Spec = NonNullable<z.infer<typeof schemas.authorizationPolicy>['spec']>;

/** The policy, and what of it cannot be acted on by any proxy. */
export interface DecodedPolicy {
  readonly object: AuthorizationPolicyObject;
  readonly findings: readonly Finding[];
}

/** Decodes Istio's AuthorizationPolicy with all of its rules, including what only proxies at L7 can enforce. */
export function decodeAuthorizationPolicy(
  { spec = {} }: { spec?: Spec | undefined },
  metadata: Metadata,
): DecodedPolicy {
  const provider = spec.provider?.['name'];
  const targets = [...(spec.targetRef ? [spec.targetRef] : []), ...(spec.targetRefs ?? [])];
  return {
    object: {
      kind: 'AuthorizationPolicy',
      metadata,
      selector: spec.selector?.matchLabels ?? {},
      targets: targets.map(readTarget),
      action: spec.action ?? 'ALLOW',
      provider: typeof provider === 'string' ? provider : undefined,
      rules: (spec.rules ?? []).map(readRule),
      dryRun: isDryRun(metadata),
    },
    findings: dryRunFindings(metadata),
  };
}

const readTarget = ({ group, kind, name }: z.infer<typeof schemas.targetRef>): TargetRef => ({
  group: typeof group === 'string' ? group : '',
  kind,
  name,
});

export const dryRunAnnotation = 'istio.io/dry-run';

/** As istiod reads it: what is not a boolean is false. */
export const isDryRun = ({ annotations }: Pick<Metadata, 'annotations'>): boolean =>
  readBoolean(annotations[dryRunAnnotation] ?? '') === true;

function dryRunFindings({ annotations }: Metadata): readonly Finding[] {
  const text = annotations[dryRunAnnotation] ?? '';
  if (text === '' || readBoolean(text) !== undefined) return [];
  const message = 'is neither true nor false, so the policy is enforced; write "true" for a dry run';
  return [notApplied(`metadata.annotations.${dryRunAnnotation}`, message)];
}
