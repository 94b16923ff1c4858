import type { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { readBoolean } from './go-boolean.ts';
import { notApplied } from './finding.ts';
import type { AuthorizationPolicyObject, Metadata } from './objects.ts';
import { readRule, type ClauseReading } from './policy-reading.ts';
import { allowed, denied, type Enforced } from './policy-rules.ts';
import type * as schemas from './policy-schemas.ts';

type Spec = NonNullable<z.infer<typeof schemas.authorizationPolicy>['spec']>;

/** The policy, and what of it an L4 proxy does not enforce. */
export interface DecodedPolicy {
  readonly object: AuthorizationPolicyObject;
  readonly findings: readonly Finding[];
}

/**
 * Istio's AuthorizationPolicy as an L4 proxy enforces it: what only a waypoint can judge is left out the safe way
 * (policy-rules.ts).
 */
export function decodeAuthorizationPolicy(
  { spec = {} }: { spec?: Spec | undefined },
  metadata: Metadata,
): DecodedPolicy {
  const action = spec.action ?? 'ALLOW';
  const hasTargetRef = spec.targetRef !== undefined || (spec.targetRefs?.length ?? 0) > 0;
  const enforce = action === 'DENY' ? denied : allowed;
  const read = (spec.rules ?? []).map((rule) => {
    const clauses = readRule(rule, metadata.namespace);
    return { clauses, enforced: enforce(clauses) };
  });
  const findings = isOfWaypoint(action, hasTargetRef)
    ? [ofWaypoint(action)]
    : read.flatMap(({ clauses, enforced }, i) => told(`spec.rules[${i}]`, action, clauses, enforced));
  return {
    object: {
      kind: 'AuthorizationPolicy',
      metadata,
      action,
      hasTargetRef,
      rules: read.flatMap(({ enforced }) => enforced.rules),
      selector: spec.selector?.matchLabels ?? {},
      dryRun: isDryRun(metadata),
    },
    findings: [...findings, ...dryRunFindings(metadata)],
  };
}

export const dryRunAnnotation = 'istio.io/dry-run';

/** As istiod reads it: what is no boolean is false. */
export const isDryRun = ({ annotations }: Pick<Metadata, 'annotations'>): boolean =>
  readBoolean(annotations[dryRunAnnotation] ?? '') === true;

function dryRunFindings({ annotations }: Metadata): readonly Finding[] {
  const text = annotations[dryRunAnnotation] ?? '';
  if (text === '' || readBoolean(text) !== undefined) return [];
  const message = 'is neither true nor false, so the policy is enforced; write "true" for a dry run';
  return [notApplied(`metadata.annotations.${dryRunAnnotation}`, message)];
}

const isOfWaypoint = (action: AuthorizationPolicyObject['action'], hasTargetRef: boolean): boolean =>
  hasTargetRef || action === 'AUDIT' || action === 'CUSTOM';

const ofWaypoint = (action: AuthorizationPolicyObject['action']): Finding =>
  action === 'AUDIT' || action === 'CUSTOM'
    ? notApplied('spec.action', `${action} is enforced by no L4 proxy, and there is no waypoint yet`)
    : notApplied(
        'spec.targetRefs',
        'a policy with a target is enforced by a waypoint, and there is none yet',
      );

/** What of a rule is not as written. */
function told(
  field: string,
  action: AuthorizationPolicyObject['action'],
  clauses: readonly ClauseReading[],
  { as, leavesOut }: Enforced,
): readonly Finding[] {
  if (as === 'EXACT' && !leavesOut) return [];
  const why = whyNotJudged(clauses);
  if (action !== 'DENY')
    return [stricter(field, `${why}: this rule allows nothing until a waypoint enforces it`)];
  if (as === 'NONE')
    return [notApplied(field, `${why}: this rule has no effect until a waypoint enforces it`)];
  const rest = `${why}: this rule denies whatever the rest of it matches, which is stricter than written until a waypoint enforces it`;
  const lost = `${why}: requests that differ only in these parts are not denied until a waypoint enforces the policy`;
  return [
    ...(as === 'STRICTER' ? [stricter(field, rest)] : []),
    ...(leavesOut ? [notApplied(field, lost)] : []),
  ];
}

/** Each attribute once. */
function whyNotJudged(clauses: readonly ClauseReading[]): string {
  const readings = clauses.flat();
  const requests = new Set(readings.flatMap((one) => one.requests));
  const unjudged = new Set(readings.flatMap((one) => one.unjudged));
  return [
    ...(requests.size > 0 ? [`${[...requests].join(', ')} can be judged at L7 only`] : []),
    ...(unjudged.size > 0 ? [`${[...unjudged].join(', ')} cannot be judged by an L4 proxy as written`] : []),
  ].join('; ');
}

/** Enforced, and more than it says. */
const stricter = (field: string, message: string): Finding => ({
  code: 'STRICTER_THAN_WRITTEN',
  severity: 'WARNING',
  field,
  message,
});
