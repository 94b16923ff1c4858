import type { Authorization } from './authorization.ts';
import type { Connection } from './connection.ts';
import { matchingRule, seen, type Seen } from './matching.ts';

export type { Connection } from './connection.ts';

/** Why a connection was let in or refused. Stable: logs, metrics and explanations carry it. */
type VerdictReason =
  /** No ALLOW policy applies, so whatever no DENY forbids is allowed. */
  | 'NO_ALLOW_POLICY'
  | 'ALLOWED'
  | 'DENIED'
  /** ALLOW policies apply and none of them matches. */
  | 'NOT_ALLOWED'
  /** A policy that the workload names has not come: unknown never means allowed. */
  | 'POLICY_UNKNOWN';

export interface Verdict {
  readonly allowed: boolean;
  readonly reason: VerdictReason;
  /** Key of the policy that decided, and the index of its rule. */
  readonly policy: string | undefined;
  readonly rule: number | undefined;
  readonly message: string;
  /** Policies in dry run that match: they are reported, and decide nothing. */
  readonly dryRun: readonly string[];
}

interface Matching {
  readonly policy: Authorization;
  readonly rule: number;
}

/**
 * Istio's order: a DENY that matches denies; without ALLOW policies all else is allowed; with them one must match.
 * A peer without an identity matches notPrincipals and notNamespaces in both ALLOW and DENY, as in upstream ztunnel: the
 * verdict must not depend on which proxy enforces it. A policy that should match only known peers must list them, or
 * the port must be STRICT.
 */
export const evaluate = (policies: readonly Authorization[], connection: Connection): Verdict =>
  evaluateSeen(policies, seen(connection));

/** The same for a connection that was read before: it is judged again and again while it lives. */
export function evaluateSeen(policies: readonly Authorization[], facts: Seen): Verdict {
  const matching = policies.flatMap((policy): readonly Matching[] => {
    const rule = matchingRule(policy, facts);
    return rule < 0 ? [] : [{ policy, rule }];
  });
  const dryRun = matching.filter(({ policy }) => policy.dryRun).map(({ policy }) => policy.key);
  return { ...judge(policies, matching, facts), dryRun };
}

function judge(
  policies: readonly Authorization[],
  matching: readonly Matching[],
  facts: Seen,
): Omit<Verdict, 'dryRun'> {
  // The first by name, so that the reported policy does not depend on the order in which policies came.
  const by = (action: Authorization['action']) =>
    matching
      .filter(({ policy }) => policy.action === action && !policy.dryRun)
      .reduce<Matching | undefined>(
        (first, one) => (first && first.policy.key <= one.policy.key ? first : one),
        undefined,
      );
  const deny = by('DENY');
  if (deny) return { ...decided(false, 'DENIED', deny), message: `${named(deny)} denies ${facts.peer}` };
  const allow = by('ALLOW');
  if (allow) return { ...decided(true, 'ALLOWED', allow), message: `${named(allow)} allows ${facts.peer}` };
  const allows = policies.filter(({ action, dryRun }) => action === 'ALLOW' && !dryRun);
  if (allows.length === 0)
    return { ...decided(true, 'NO_ALLOW_POLICY'), message: 'no ALLOW policy applies and no DENY matches' };
  const shown = allows
    .map(({ key }) => key)
    .sort()
    .slice(0, 3);
  const more = allows.length > shown.length ? ` and ${allows.length - shown.length} more` : '';
  const message = `no ALLOW policy matches ${facts.peer}: ${shown.join(', ')}${more}`;
  return { ...decided(false, 'NOT_ALLOWED'), message };
}

const named = ({ policy, rule }: Matching): string => `policy ${policy.key} rule ${rule}`;

const decided = (allowed: boolean, reason: VerdictReason, by?: Matching) => ({
  allowed,
  reason,
  policy: by?.policy.key,
  rule: by?.rule,
});
