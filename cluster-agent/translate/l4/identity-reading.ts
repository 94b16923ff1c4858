import type { Demand } from '@isthmus/api/kubernetes/policy-rule.ts';
import type { Match, StringMatch } from '@isthmus/mesh/rbac/authorization.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import { partsOf } from './match-parts.ts';

/** What is asked for of a caller. */
export interface IdentityFields {
  readonly principals: Demand;
  readonly namespaces: Demand;
  readonly trustDomains: Demand;
  /** What is asked for beside its identity. */
  readonly rest: Partial<Match>;
}

const nothing: Demand = { values: [], notValues: [] };

export const noIdentity: IdentityFields = {
  principals: nothing,
  namespaces: nothing,
  trustDomains: nothing,
  rest: {},
};

const presence: StringMatch = { kind: 'presence' };

/**
 * What proxies know of a caller is its principal, so a trust domain is the beginning of one. Two demands on the principal
 * are two parts, as the values of one field are alternatives. What cannot be said so is left out, but for the demand
 * that there be an identity.
 */
export function identityReading({ principals, namespaces, trustDomains, rest }: IdentityFields): {
  readonly parts: readonly Match[];
  /** Fields that no L4 proxy can judge. */
  readonly unjudged: readonly string[];
} {
  const domains = matchesOf('trustDomains', trustDomains.values, domainMatch);
  const notDomains = matchesOf('notTrustDomains', trustDomains.notValues, domainMatch);
  const inNamespaces = matchesOf('namespaces', namespaces.values, namespaceMatch);
  const notInNamespaces = matchesOf('notNamespaces', namespaces.notValues, namespaceMatch);
  const own = match({
    ...rest,
    principals: principals.values.map(stringMatch),
    notPrincipals: [...principals.notValues.map(stringMatch), ...notDomains.matches],
    namespaces: inNamespaces.matches,
    notNamespaces: notInNamespaces.matches,
  });
  const isAnybody = domains.unjudged.length + inNamespaces.unjudged.length > 0;
  const somebody = isAnybody ? [match({ principals: [presence] })] : [];
  return {
    parts: partsOf([own, match({ principals: domains.matches }), ...somebody]),
    unjudged: [domains, notDomains, inNamespaces, notInNamespaces].flatMap(({ unjudged }) => unjudged),
  };
}

interface Matches {
  readonly matches: readonly StringMatch[];
  readonly unjudged: readonly string[];
}

/** The values of a field as alternatives; none where one of them cannot be said. */
function matchesOf(
  field: string,
  values: readonly string[],
  matchOf: (text: string) => StringMatch | undefined,
): Matches {
  const matches = values.flatMap((value) => matchOf(value) ?? []);
  return matches.length === values.length ? { matches, unjudged: [] } : { matches: [], unjudged: [field] };
}

/** A trust domain has no slash, so that its beginning is a principal's; of its end nothing can be said. */
function domainMatch(text: string): StringMatch | undefined {
  const one = stringMatch(text);
  if (one.kind === 'exact') return { kind: 'prefix', value: `${one.value}/` };
  return one.kind === 'suffix' ? undefined : one;
}

/** Envoy takes a `*` anywhere in a namespace; the workload API has one at an end. */
function namespaceMatch(text: string): StringMatch | undefined {
  const one = stringMatch(text);
  return one.kind !== 'presence' && one.value.includes('*') ? undefined : one;
}
