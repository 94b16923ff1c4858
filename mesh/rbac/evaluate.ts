import { principalOf, type WorkloadIdentity } from '../identity/spiffe-id.ts';
import { inBlock } from '../net/cidr.ts';
import type { AddressMatch, Authorization, Clause, Match, Rule, StringMatch } from './authorization.ts';

/** A connection as policies see it. `destination` is the resolved local target, never a VIP. */
export interface Connection {
  readonly source: { readonly address: string; readonly identity: WorkloadIdentity | undefined };
  readonly destination: { readonly address: string; readonly port: number };
}

export type Verdict =
  | { readonly allowed: true; readonly policy: string | undefined }
  | {
      readonly allowed: false;
      /** The DENY that matched, or undefined where ALLOWs exist and none did. */
      readonly policy: string | undefined;
      /** Index of the rule within it. */
      readonly rule: number | undefined;
      readonly message: string;
      readonly dryRun: readonly string[];
    };

/**
 * Istio's order: a DENY that matches denies; without ALLOW policies all is allowed; else one must match. A condition
 * that an absent identity satisfies ("not this principal") holds in a DENY and never in an ALLOW, so that plaintext
 * can only lose by it: stricter than upstream.
 */
export function evaluate(policies: readonly Authorization[], connection: Connection): Verdict {
  const matching = policies.map((policy) => ({ policy, rule: matchingRule(policy, connection) })).filter(({ rule }) => rule >= 0);
  const dryRun = matching.filter(({ policy }) => policy.dryRun).map(({ policy }) => policy.key);
  const enforced = matching.filter(({ policy }) => !policy.dryRun);
  const deny = enforced.find(({ policy }) => policy.action === 'DENY');
  if (deny) {
    const message = `policy ${deny.policy.key} rule ${deny.rule} denies`;
    return { allowed: false, policy: deny.policy.key, rule: deny.rule, message, dryRun };
  }
  const allows = policies.filter(({ action, dryRun: dry }) => action === 'ALLOW' && !dry);
  const allow = enforced.find(({ policy }) => policy.action === 'ALLOW');
  if (allow ?? allows.length === 0) return { allowed: true, policy: allow?.policy.key };
  const message = `no ALLOW policy matches: ${allows.slice(0, 3).map(({ key }) => key).join(', ')}`;
  return { allowed: false, policy: undefined, rule: undefined, message, dryRun };
}

/** Index of the first rule that matches, -1 when none does. A policy without rules matches nothing. */
function matchingRule({ rules, action }: Authorization, connection: Connection): number {
  return rules.findIndex((rule) => ruleMatches(rule, action, connection));
}

const ruleMatches = (rule: Rule, action: Authorization['action'], connection: Connection): boolean =>
  rule.every((clause) => clauseMatches(clause, action, connection));

/** A clause without matches holds; one whose matches are all empty does not. */
const clauseMatches = (clause: Clause, action: Authorization['action'], connection: Connection): boolean =>
  clause.length === 0 || clause.some((match) => !isEmpty(match) && matchHolds(match, action, connection));

const isEmpty = (match: Match): boolean => Object.values(match).every((values: readonly unknown[]) => values.length === 0);

function matchHolds(match: Match, action: Authorization['action'], { source, destination }: Connection): boolean {
  return (
    identityHolds(match, action, source.identity) &&
    either(match.sourceIps, match.notSourceIps, (block: AddressMatch) => inBlock(source.address, block)) &&
    either(match.destinationIps, match.notDestinationIps, (block: AddressMatch) => inBlock(destination.address, block)) &&
    either(match.destinationPorts, match.notDestinationPorts, (port: number) => port === destination.port)
  );
}

function identityHolds(match: Match, action: Authorization['action'], identity: WorkloadIdentity | undefined): boolean {
  if (!identity) return absentHolds(match, action);
  const principal = principalOf(identity);
  return (
    either(match.principals, match.notPrincipals, (one: StringMatch) => textMatches(one, principal)) &&
    either(match.namespaces, match.notNamespaces, (one: StringMatch) => textMatches(one, identity.namespace)) &&
    either(
      match.serviceAccounts,
      match.notServiceAccounts,
      (one) => one.namespace === identity.namespace && one.serviceAccount === identity.serviceAccount,
    )
  );
}

function absentHolds(match: Match, action: Authorization['action']): boolean {
  const demanded = match.principals.length + match.namespaces.length + match.serviceAccounts.length;
  const excluded = match.notPrincipals.length + match.notNamespaces.length + match.notServiceAccounts.length;
  return demanded === 0 && (excluded === 0 || action === 'DENY');
}

const either = <T>(wanted: readonly T[], unwanted: readonly T[], holds: (one: T) => boolean): boolean =>
  (wanted.length === 0 || wanted.some(holds)) && !unwanted.some(holds);

export function textMatches(match: StringMatch, value: string): boolean {
  switch (match.kind) {
    case 'exact':
      return value === match.value;
    case 'prefix':
      return value.startsWith(match.value);
    case 'suffix':
      return value.endsWith(match.value);
    case 'presence':
      return value !== '';
  }
}
