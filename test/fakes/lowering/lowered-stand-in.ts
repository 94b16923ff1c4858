import { isDryRun } from '@isthmus/api/kubernetes/authorization-policy.ts';
import type { Metadata } from '@isthmus/api/kubernetes/objects.ts';
import { action, matchLabel, targetRef } from '@isthmus/api/kubernetes/policy-schemas.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { isRecord, readRule } from './policy-reading.ts';
import { denied } from './policy-rules.ts';

export interface LoweredStandIn {
  readonly action: 'ALLOW' | 'DENY';
  readonly selector: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
  /** What that means for connections. */
  readonly effect: string;
}

type Raw = Readonly<Record<string, unknown>>;

const policyFields = new Set(['selector', 'targetRef', 'targetRefs', 'action', 'provider', 'rules']);

/** What stood in for a refused AuthorizationPolicy with this metadata; undefined: nothing, as it would deny nothing. */
export function loweredStandIn(raw: Raw, metadata: Metadata): LoweredStandIn | undefined {
  const spec = raw['spec'];
  const written = isRecord(spec) ? readAction(spec) : undefined;
  if (written === 'NEITHER' || isDryRun(metadata)) return undefined;
  const { selector, isTargeted } = readScope(spec);
  if (isTargeted) return undefined;
  const whom = describeSelector(selector, metadata);
  if (written === 'ALLOW')
    return {
      action: 'ALLOW',
      selector,
      rules: [],
      effect: `it stands as an ALLOW without rules: ${whom} refuse every connection that no other ALLOW allows`,
    };
  const rules = written === 'DENY' && isRecord(spec) ? rulesOf(spec, metadata) : [[]];
  if (rules.length === 0) return undefined;
  const isAll = rules.some((rule) => rule.length === 0);
  return {
    action: 'DENY',
    selector,
    rules,
    effect: isAll
      ? `it stands as a DENY of everything: ${whom} refuse every connection`
      : `it stands as a DENY of whatever its readable parts match: ${whom} may refuse more than is written`,
  };
}

/** Undefined: it may be any. NEITHER: what is enforced by no L4 proxy. */
function readAction(spec: Raw): 'ALLOW' | 'DENY' | 'NEITHER' | undefined {
  const { action: written } = spec;
  if (written === undefined)
    return unknownFields(spec).some(([, value]) => mayBeAction(value)) ? undefined : 'ALLOW';
  const parsed = action.safeParse(written);
  if (!parsed.success) return undefined;
  return parsed.data === 'ALLOW' || parsed.data === 'DENY' ? parsed.data : 'NEITHER';
}

const unknownFields = (spec: Raw) => Object.entries(spec).filter(([field]) => !policyFields.has(field));

/** A field that nobody knows may be a misspelt `action` if it has one value. */
const mayBeAction = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** A field that nobody knows may be a misspelt `rules`. */
function rulesOf(spec: Raw, { namespace }: Metadata): readonly Rule[] {
  const { rules } = spec;
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0))
    return unknownFields(spec).length === 0 ? [] : [[]];
  if (!Array.isArray(rules)) return [[]];
  return rules.flatMap((rule: unknown) => denied(readRule(rule, namespace)).rules);
}

/** A selector as far as it can be read, as a label less selects no less. A target counts only where it is all there is. */
function readScope(spec: unknown): { selector: Readonly<Record<string, string>>; isTargeted: boolean } {
  if (!isRecord(spec)) return { selector: {}, isTargeted: false };
  const { selector, targetRef: one, targetRefs: several } = spec;
  const refs: readonly unknown[] = [
    ...(one === undefined ? [] : [one]),
    ...(Array.isArray(several) ? (several as readonly unknown[]) : several === undefined ? [] : [several]),
  ];
  const isTargeted =
    selector === undefined && refs.length > 0 && refs.every((ref) => targetRef.safeParse(ref).success);
  return { selector: readLabels(selector), isTargeted };
}

function readLabels(selector: unknown): Readonly<Record<string, string>> {
  const written = isRecord(selector) && isRecord(selector['matchLabels']) ? selector['matchLabels'] : {};
  const readable = Object.entries(written).flatMap((entry) => {
    const parsed = matchLabel.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  return Object.fromEntries(readable);
}

function describeSelector(selector: Readonly<Record<string, string>>, { namespace }: Metadata): string {
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  const whom = labels.length > 0 ? `workloads with ${labels.join(',')}` : 'all workloads';
  return `${whom} of ${namespace === rootNamespace ? 'every namespace' : `the namespace ${namespace}`}`;
}
