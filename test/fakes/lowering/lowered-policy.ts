import type { Finding } from '@isthmus/api/domain/rejection.ts';
import { notApplied } from '@isthmus/api/kubernetes/finding.ts';
import type { AuthorizationPolicyObject } from '@isthmus/api/kubernetes/objects.ts';
import type { authorizationPolicy } from '@isthmus/api/kubernetes/policy-schemas.ts';
import type { Rule } from '@isthmus/mesh/rbac/authorization.ts';
import { readRule, type ClauseReading } from './policy-reading.ts';
import { allowed, denied, type Enforced } from './policy-rules.ts';

type Spec = NonNullable<ReturnType<typeof authorizationPolicy.parse>['spec']>;

/** The rules of a policy that was taken, lowered to L4, and what of them is not enforced as written. */
export function loweredPolicy(
  spec: Spec,
  namespace: string,
): { readonly rules: readonly Rule[]; readonly findings: readonly Finding[] } {
  const action = spec.action ?? 'ALLOW';
  const hasTargetRef = spec.targetRef !== undefined || (spec.targetRefs?.length ?? 0) > 0;
  const enforce = action === 'DENY' ? denied : allowed;
  const read = (spec.rules ?? []).map((rule) => {
    const clauses = readRule(rule, namespace);
    return { clauses, enforced: enforce(clauses) };
  });
  const findings = isOfWaypoint(action, hasTargetRef)
    ? [ofWaypoint(action)]
    : read.flatMap(({ clauses, enforced }, i) => notEnforced(`spec.rules[${i}]`, action, clauses, enforced));
  return { rules: read.flatMap(({ enforced }) => enforced.rules), findings };
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
function notEnforced(
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
