import type { Finding } from '@isthmus/api/domain/rejection.ts';
import { notApplied } from '@isthmus/api/kubernetes/finding.ts';
import type { AuthorizationPolicyObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { clausesOf, type ClauseReading } from './clause-reading.ts';
import { allowed, denied, type Enforced } from './enforced-rules.ts';

/** A policy as L4 proxies enforce it. */
export interface ReducedPolicy {
  readonly rules: readonly Rule[];
  /** What of it is not enforced, or enforced more strictly than its author wrote it. */
  readonly findings: readonly Finding[];
}

/** Whether L4 proxies enforce it: what has a target is a waypoint's, and AUDIT and CUSTOM are enforced by none. */
export const forL4 = ({ targets, action }: AuthorizationPolicyObject): boolean =>
  targets.length === 0 && (action === 'ALLOW' || action === 'DENY');

const known = new WeakMap<AuthorizationPolicyObject, ReducedPolicy>();

/**
 * An AuthorizationPolicy as an L4 proxy enforces it: what only a waypoint can judge is left out the safe way
 * (enforced-rules.ts). Pure, and worked out once for each object.
 */
export function reducePolicy(policy: AuthorizationPolicyObject): ReducedPolicy {
  const before = known.get(policy);
  if (before) return before;
  const reduced = reduce(policy);
  known.set(policy, reduced);
  return reduced;
}

function reduce(policy: AuthorizationPolicyObject): ReducedPolicy {
  const { action, metadata } = policy;
  const enforce = action === 'DENY' ? denied : allowed;
  const rules = policy.rules.map((rule) => {
    const clauses = clausesOf(rule, metadata.namespace);
    return { clauses, enforced: enforce(clauses) };
  });
  return {
    rules: rules.flatMap(({ enforced }) => enforced.rules),
    findings: forL4(policy)
      ? rules.flatMap(({ clauses, enforced }, i) => findingsOf(`spec.rules[${i}]`, action, clauses, enforced))
      : [ofWaypoint(action)],
  };
}

const ofWaypoint = (action: AuthorizationPolicyObject['action']): Finding =>
  action === 'AUDIT' || action === 'CUSTOM'
    ? notApplied('spec.action', `${action} is enforced by no L4 proxy, and there is no waypoint yet`)
    : notApplied(
        'spec.targetRefs',
        'a policy with a target is enforced by a waypoint, and there is none yet',
      );

/** What of a rule is not enforced exactly. */
function findingsOf(
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
