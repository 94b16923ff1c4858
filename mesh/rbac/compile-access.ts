import type { TrustDomain } from '../identity/spiffe-id.ts';
import type { Authorization, Clause, Rule } from './authorization.ts';
import { match, stringMatch } from './match.ts';

/** A global access policy's conditions: values within a field are alternatives, fields must all hold. */
export interface AccessConditions {
  readonly principals: readonly string[];
  readonly namespaces: readonly string[];
  readonly ports: readonly number[];
}

export interface AccessStatement {
  readonly name: string;
  readonly namespace: string;
  readonly effect: 'ALLOW' | 'DENY' | 'REQUIRE';
  readonly rules: readonly AccessConditions[];
}

/** The key of a hub's policy: `~` cannot stand in a Kubernetes name, so no object of a cluster can have it. */
const accessKey = (namespace: string, name: string): string => `${namespace}/isthmus~${name}`;

/**
 * A hub's policy as proxies enforce it. ALLOW and DENY are what they say. REQUIRE is a ceiling and becomes the DENY
 * of its complement, which upstream proxies enforce too: one group with a clause for each rule, which holds when the
 * connection fails that rule, that is when any one of its fields does not match.
 */
export function compileAccess(policy: AccessStatement, trustDomain: TrustDomain): Authorization {
  const frame = {
    key: accessKey(policy.namespace, policy.name),
    name: `isthmus~${policy.name}`,
    namespace: policy.namespace,
    scope: 'WORKLOAD_SELECTOR' as const,
    dryRun: false,
  };
  if (policy.effect === 'REQUIRE')
    return { ...frame, action: 'DENY', rules: complement(policy.rules, trustDomain) };
  return {
    ...frame,
    action: policy.effect,
    rules: policy.rules.map((rule) => conjunction(rule, trustDomain)),
  };
}

function conjunction(rule: AccessConditions, trustDomain: TrustDomain): Rule {
  const identity =
    rule.principals.length > 0 ? [[match({ principals: rule.principals.map(stringMatch) })]] : [];
  const namespaces =
    rule.namespaces.length > 0 ? [[match({ principals: domainPrincipals(rule, trustDomain) })]] : [];
  const ports = rule.ports.length > 0 ? [[match({ destinationPorts: rule.ports })]] : [];
  return [...identity, ...namespaces, ...ports];
}

/**
 * What matches no rule. A rule without fields is met by everything, so nothing fails it and the complement is empty;
 * no rules at all are met by nothing, and the group without clauses matches everything.
 */
function complement(rules: readonly AccessConditions[], trustDomain: TrustDomain): readonly Rule[] {
  const clauses = rules.map((rule): Clause => [
    ...(rule.principals.length > 0 ? [match({ notPrincipals: rule.principals.map(stringMatch) })] : []),
    ...(rule.namespaces.length > 0 ? [match({ notPrincipals: domainPrincipals(rule, trustDomain) })] : []),
    ...(rule.ports.length > 0 ? [match({ notDestinationPorts: rule.ports })] : []),
  ]);
  return clauses.some((clause) => clause.length === 0) ? [] : [clauses];
}

/** A namespace means one of the workload's own trust domain. */
const domainPrincipals = ({ namespaces }: AccessConditions, trustDomain: TrustDomain) =>
  namespaces.map((namespace) => ({ kind: 'prefix' as const, value: `${trustDomain}/ns/${namespace}/` }));
