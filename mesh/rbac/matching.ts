import { principalOf, type WorkloadIdentity } from '../identity/spiffe-id.ts';
import { addressBytes, type AddressBytes } from '../net/address.ts';
import { inBlock } from '../net/cidr.ts';
import type { AddressMatch, Authorization, Clause, Match, Rule, StringMatch } from './authorization.ts';
import type { Connection } from './connection.ts';

/** A connection read once for all the policies that judge it. */
export interface Seen {
  readonly source: AddressBytes | undefined;
  readonly destination: AddressBytes | undefined;
  readonly port: number;
  readonly identity: WorkloadIdentity | undefined;
  /** Without `spiffe://`; '' without an identity. */
  readonly principal: string;
  /** For sentences. */
  readonly peer: string;
}

export function seen({ source, destination }: Connection): Seen {
  const { identity } = source;
  const principal = identity ? principalOf(identity) : '';
  return {
    source: addressBytes(source.address),
    destination: addressBytes(destination.address),
    port: destination.port,
    identity,
    principal,
    peer: identity ? principal : `a peer without identity (${source.address})`,
  };
}

type Action = Authorization['action'];

/** Index of the first rule that matches, -1 when none does. A policy without rules matches nothing. */
export const matchingRule = ({ rules, action }: Authorization, facts: Seen): number =>
  rules.findIndex((rule) => ruleMatches(rule, action, facts));

const ruleMatches = (rule: Rule, action: Action, facts: Seen): boolean =>
  rule.every((clause) => clauseMatches(clause, action, facts));

/** A clause without matches holds; one whose matches are all empty does not. */
const clauseMatches = (clause: Clause, action: Action, facts: Seen): boolean =>
  clause.length === 0 || clause.some((match) => !isEmpty(match) && matchHolds(match, action, facts));

/** Asked of each match at each verdict, so nothing is allocated for it. */
const isEmpty = (match: Match): boolean => {
  for (const field in match) if (match[field as keyof Match].length > 0) return false;
  return true;
};

function matchHolds(match: Match, action: Action, facts: Seen): boolean {
  return (
    either(match.destinationPorts, match.notDestinationPorts, (port: number) => port === facts.port) &&
    identityHolds(match, facts) &&
    addressHolds(match.sourceIps, match.notSourceIps, action, facts.source) &&
    addressHolds(match.destinationIps, match.notDestinationIps, action, facts.destination)
  );
}

type Blocks = readonly AddressMatch[];

/**
 * An address that cannot be read, as one with a zone, may be any: it is outside of a block in a DENY and never in an
 * ALLOW, as the unknown never means allowed.
 */
const addressHolds = (wanted: Blocks, unwanted: Blocks, action: Action, bytes: AddressBytes | undefined) =>
  bytes
    ? either(wanted, unwanted, (block: AddressMatch) => inBlock(bytes, block))
    : wanted.length === 0 && (unwanted.length === 0 || action === 'DENY');

/** An absent identity matches no value, and so matches every negated value (as in upstream ztunnel). */
function identityHolds(match: Match, { identity, principal }: Pick<Seen, 'identity' | 'principal'>): boolean {
  const is = (value: string | undefined) => (one: StringMatch) =>
    value !== undefined && textMatches(one, value);
  return (
    either(match.principals, match.notPrincipals, is(identity && principal)) &&
    either(match.namespaces, match.notNamespaces, is(identity?.namespace)) &&
    // The trust domain is not looked at: those who mean their own compile it to a principal.
    either(
      match.serviceAccounts,
      match.notServiceAccounts,
      (one) => one.namespace === identity?.namespace && one.serviceAccount === identity.serviceAccount,
    )
  );
}

const either = <T>(wanted: readonly T[], unwanted: readonly T[], holds: (one: T) => boolean): boolean =>
  (wanted.length === 0 || wanted.some(holds)) && !unwanted.some(holds);

function textMatches(match: StringMatch, value: string): boolean {
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
