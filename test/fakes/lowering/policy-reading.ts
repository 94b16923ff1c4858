import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import type {
  AddressMatch,
  Match,
  ServiceAccountMatch,
  StringMatch,
} from '@isthmus/mesh/rbac/authorization.ts';
import { match, stringMatch } from '@isthmus/mesh/rbac/match.ts';
import { isL4Key, isRequestKey } from '@isthmus/api/kubernetes/policy-attributes.ts';
import { condition, operationFields, sourceFields } from '@isthmus/api/kubernetes/policy-schemas.ts';

// What decoded policies before they kept what is written: rules were lowered to L4 while they were read. Reducing what is
// read now has to equal it.

/** Fields of a source and of an operation that belong to requests. */
const requestFields: ReadonlySet<string> = new Set([
  'requestPrincipals',
  'notRequestPrincipals',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
  'hosts',
  'notHosts',
  'methods',
  'notMethods',
  'paths',
  'notPaths',
]);

/** What an L4 proxy can judge of one alternative of a rule: of a source, an operation or a condition. */
export interface Reading {
  /** All must hold. None: the connection may be any, as far as this can be judged. */
  readonly parts: readonly Match[];
  /** Attributes that belong to requests. */
  readonly requests: readonly string[];
  /** Attributes that belong to connections, and that cannot be read or that no L4 proxy can judge. */
  readonly unjudged: readonly string[];
}

/** Alternatives: one of them has to hold. */
export type ClauseReading = readonly Reading[];

const unread = (what: string): Reading => ({ parts: [], requests: [], unjudged: [what] });

/**
 * A rule of an AuthorizationPolicy, all of whose clauses have to hold. It takes any value, so that of a rule that is
 * refused is known what it matches at most.
 */
export function readRule(raw: unknown, namespace: string): readonly ClauseReading[] {
  if (!isRecord(raw)) return [[unread('the rule')]];
  return Object.entries(raw).flatMap(([field, value]) => readField(field, value, namespace));
}

function readField(field: string, value: unknown, namespace: string): readonly ClauseReading[] {
  if (value === undefined) return [];
  if (field === 'when' && Array.isArray(value))
    return value.map((one: unknown) => [readCondition(one, namespace)]);
  const inner = field === 'from' ? 'source' : field === 'to' ? 'operation' : undefined;
  if (!inner || !Array.isArray(value) || value.length === 0) return [[unread(field)]];
  return [
    value.map((one: unknown): Reading => {
      if (!isRecord(one) || Object.keys(one).some((key) => key !== inner)) return unread(field);
      return inner === 'source' ? readSource(one[inner], namespace) : readOperation(one[inner]);
    }),
  ];
}

function readSource(raw: unknown, namespace: string): Reading {
  const { values, requests, unjudged } = readFields(raw, sourceFields, 'source');
  const account = (text: string) => readAccount(text, namespace);
  return {
    ...identityReading({
      principals: values('principals'),
      notPrincipals: values('notPrincipals'),
      namespaces: values('namespaces'),
      notNamespaces: values('notNamespaces'),
      trustDomains: values('trustDomains'),
      notTrustDomains: values('notTrustDomains'),
      rest: {
        sourceIps: values('ipBlocks').map(block),
        notSourceIps: values('notIpBlocks').map(block),
        serviceAccounts: values('serviceAccounts').map(account),
        notServiceAccounts: values('notServiceAccounts').map(account),
      },
      unjudged,
    }),
    requests,
  };
}

function readOperation(raw: unknown): Reading {
  const { values, requests, unjudged } = readFields(raw, operationFields, 'operation');
  const ports = match({
    destinationPorts: values('ports').map(Number),
    notDestinationPorts: values('notPorts').map(Number),
  });
  return { parts: partsOf([ports]), requests, unjudged };
}

function readCondition(raw: unknown, namespace: string): Reading {
  const parsed = condition.safeParse(raw);
  if (!parsed.success) return unread('when');
  const { key, values = [], notValues = [] } = parsed.data;
  if (isRequestKey(key)) return { parts: [], requests: [key], unjudged: [] };
  if (!isL4Key(key)) return unread(key);
  return conditionReading(key, values, notValues, namespace);
}

function conditionReading(
  key: string,
  values: readonly string[],
  notValues: readonly string[],
  namespace: string,
): Reading {
  const account = (text: string) => readAccount(text, namespace);
  const judged = (one: Partial<Match>): Reading => ({ parts: [match(one)], requests: [], unjudged: [] });
  const identity = (one: Partial<IdentityFields>): Reading => ({
    ...identityReading({ ...noIdentity, ...one }),
    requests: [],
  });
  switch (key) {
    case 'source.ip':
      return judged({ sourceIps: values.map(block), notSourceIps: notValues.map(block) });
    case 'destination.ip':
      return judged({ destinationIps: values.map(block), notDestinationIps: notValues.map(block) });
    case 'source.namespace':
      return identity({ namespaces: values, notNamespaces: notValues });
    case 'source.principal':
      return identity({ principals: values, notPrincipals: notValues });
    case 'source.trustDomain':
      return identity({ trustDomains: values, notTrustDomains: notValues });
    case 'source.serviceAccount':
      return judged({ serviceAccounts: values.map(account), notServiceAccounts: notValues.map(account) });
    default:
      return judged({ destinationPorts: values.map(Number), notDestinationPorts: notValues.map(Number) });
  }
}

interface IdentityFields {
  readonly principals: readonly string[];
  readonly notPrincipals: readonly string[];
  readonly namespaces: readonly string[];
  readonly notNamespaces: readonly string[];
  readonly trustDomains: readonly string[];
  readonly notTrustDomains: readonly string[];
  readonly rest: Partial<Match>;
  readonly unjudged: readonly string[];
}

const noIdentity: IdentityFields = {
  principals: [],
  notPrincipals: [],
  namespaces: [],
  notNamespaces: [],
  trustDomains: [],
  notTrustDomains: [],
  rest: {},
  unjudged: [],
};

const presence: StringMatch = { kind: 'presence' };

/**
 * What proxies know of a caller is its principal, so a trust domain is the beginning of one. Two demands on the principal
 * are two parts, as the values of one field are alternatives. What cannot be said so is left out, but for the demand
 * that there be an identity.
 */
function identityReading(fields: IdentityFields): Omit<Reading, 'requests'> {
  const domains = demand('trustDomains', fields.trustDomains, domainMatch);
  const notDomains = demand('notTrustDomains', fields.notTrustDomains, domainMatch);
  const namespaces = demand('namespaces', fields.namespaces, namespaceMatch);
  const notNamespaces = demand('notNamespaces', fields.notNamespaces, namespaceMatch);
  const own = match({
    ...fields.rest,
    principals: fields.principals.map(stringMatch),
    notPrincipals: [...fields.notPrincipals.map(stringMatch), ...notDomains.matches],
    namespaces: namespaces.matches,
    notNamespaces: notNamespaces.matches,
  });
  const isAnybody = domains.unjudged.length + namespaces.unjudged.length > 0;
  const somebody = isAnybody ? [match({ principals: [presence] })] : [];
  return {
    parts: partsOf([own, match({ principals: domains.matches }), ...somebody]),
    unjudged: [domains, notDomains, namespaces, notNamespaces]
      .flatMap(({ unjudged }) => unjudged)
      .concat(fields.unjudged),
  };
}

interface Demand {
  readonly matches: readonly StringMatch[];
  readonly unjudged: readonly string[];
}

/** The values of a field as alternatives; none where one of them cannot be said. */
function demand(
  field: string,
  values: readonly string[],
  matchOf: (text: string) => StringMatch | undefined,
): Demand {
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

/** Matches that say something, as few as can be: two that say nothing of the same field are one. */
function partsOf(matches: readonly Match[]): readonly Match[] {
  const saying = matches.filter((one) => !isEmpty(one));
  const [first, second, ...rest] = saying;
  if (!first || !second || rest.length > 0 || first.principals.length > 0) return saying;
  return [{ ...first, principals: second.principals }];
}

const isEmpty = (one: Match): boolean =>
  Object.values(one).every((values: readonly unknown[]) => values.length === 0);

interface Schema {
  readonly safeParse: (value: unknown) => { readonly success: boolean; readonly data?: unknown };
}

interface Fields {
  readonly values: (field: string) => readonly string[];
  readonly requests: readonly string[];
  readonly unjudged: readonly string[];
}

/** Each field by itself; an empty list says nothing. Where nothing is said at all, nobody knows what was meant. */
function readFields(raw: unknown, schemas: Readonly<Record<string, Schema>>, what: string): Fields {
  const values = new Map<string, readonly string[]>();
  const requests: string[] = [];
  const unjudged: string[] = [];
  for (const [field, value] of Object.entries(isRecord(raw) ? raw : {})) {
    const parsed = Object.hasOwn(schemas, field) ? schemas[field]?.safeParse(value) : undefined;
    if (!parsed?.success) unjudged.push(field);
    else if (!Array.isArray(parsed.data) || parsed.data.length === 0) continue;
    else if (requestFields.has(field)) requests.push(field);
    else values.set(field, parsed.data as readonly string[]);
  }
  if (values.size + requests.length + unjudged.length === 0) unjudged.push(what);
  return { values: (field) => values.get(field) ?? [], requests, unjudged };
}

/** The schema accepts blocks only. */
function block(text: string): AddressMatch {
  const parsed = parseBlock(text);
  if (!parsed.ok) throw new Error(`${text} passed the schema and is not a block`);
  return parsed.value;
}

/** `ns/sa`, or `sa` of the policy's own namespace. */
function readAccount(text: string, namespace: string): ServiceAccountMatch {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { namespace, serviceAccount: first }
    : { namespace: first, serviceAccount: second };
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
