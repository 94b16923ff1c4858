import { isL4Key, isRequestKey } from '@isthmus/api/kubernetes/policy-attributes.ts';
import {
  operationFieldNames,
  sourceFieldNames,
  type Demand,
  type OperationField,
  type PolicyCondition,
  type PolicyOperation,
  type PolicyRule,
  type PolicySource,
  type SourceField,
} from '@isthmus/api/kubernetes/policy-rule.ts';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import type { AddressMatch, Match, ServiceAccountMatch } from '@isthmus/mesh/rbac/authorization.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';
import { identityReading, noIdentity, type IdentityFields } from './identity-reading.ts';
import { partsOf } from './match-parts.ts';

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

/** A rule of a policy in `namespace`, all of whose clauses have to hold. */
export const clausesOf = (
  { from, to, when, unread }: PolicyRule,
  namespace: string,
): readonly ClauseReading[] => [
  ...unread.map((what): ClauseReading => [notJudged([what])]),
  ...(from ? [from.map((one) => sourceReading(one, namespace))] : []),
  ...(to ? [to.map(operationReading)] : []),
  ...when.map((one): ClauseReading => [conditionReading(one, namespace)]),
];

const notJudged = (unjudged: readonly string[]): Reading => ({ parts: [], requests: [], unjudged });

const nothing: Demand = { values: [], notValues: [] };

function sourceReading({ fields, unread }: PolicySource, namespace: string): Reading {
  const { principals = nothing, namespaces = nothing, trustDomains = nothing } = fields;
  const { ipBlocks = nothing, serviceAccounts = nothing } = fields;
  const { parts, unjudged } = identityReading({
    principals,
    namespaces,
    trustDomains,
    rest: { ...sourceIps(ipBlocks), ...accounts(serviceAccounts, namespace) },
  });
  return { parts, requests: requestsIn(fields, sourceFieldNames), unjudged: [...unjudged, ...unread] };
}

function operationReading({ fields, unread }: PolicyOperation): Reading {
  return {
    parts: partsOf([match(ports(fields.ports ?? nothing))]),
    requests: requestsIn(fields, operationFieldNames),
    unjudged: unread,
  };
}

/** Fields of a source and of an operation that belong to requests. */
const ofRequests: ReadonlySet<string> = new Set<SourceField | OperationField>([
  'requestPrincipals',
  'remoteIpBlocks',
  'hosts',
  'methods',
  'paths',
]);

/** The fields of requests that are set, as they are written. */
function requestsIn<Field extends string>(
  fields: Readonly<Partial<Record<Field, Demand>>>,
  names: Readonly<Record<Field, string>>,
): readonly string[] {
  const written: string[] = [];
  for (const field of Object.keys(names) as Field[]) {
    const { values, notValues } = fields[field] ?? nothing;
    if (!ofRequests.has(field)) continue;
    if (values.length > 0) written.push(field);
    if (notValues.length > 0) written.push(names[field]);
  }
  return written;
}

function conditionReading(condition: PolicyCondition, namespace: string): Reading {
  const { key, unread } = condition;
  if (unread.length > 0) return notJudged(unread);
  if (isRequestKey(key)) return { parts: [], requests: [key], unjudged: [] };
  if (!isL4Key(key)) return notJudged([key]);
  const judged = (one: Partial<Match>): Reading => ({ parts: [match(one)], requests: [], unjudged: [] });
  const identity = (one: Partial<IdentityFields>): Reading => ({
    ...identityReading({ ...noIdentity, ...one }),
    requests: [],
  });
  switch (key) {
    case 'source.ip':
      return judged(sourceIps(condition));
    case 'destination.ip':
      return judged({
        destinationIps: condition.values.map(block),
        notDestinationIps: condition.notValues.map(block),
      });
    case 'source.namespace':
      return identity({ namespaces: condition });
    case 'source.principal':
      return identity({ principals: condition });
    case 'source.trustDomain':
      return identity({ trustDomains: condition });
    case 'source.serviceAccount':
      return judged(accounts(condition, namespace));
    default:
      return judged(ports(condition));
  }
}

const sourceIps = ({ values, notValues }: Demand): Partial<Match> => ({
  sourceIps: values.map(block),
  notSourceIps: notValues.map(block),
});

const ports = ({ values, notValues }: Demand): Partial<Match> => ({
  destinationPorts: values.map(Number),
  notDestinationPorts: notValues.map(Number),
});

function accounts({ values, notValues }: Demand, namespace: string): Partial<Match> {
  const account = (text: string) => readAccount(text, namespace);
  return { serviceAccounts: values.map(account), notServiceAccounts: notValues.map(account) };
}

/** The decoder takes blocks only. */
function block(text: string): AddressMatch {
  const parsed = parseBlock(text);
  if (!parsed.ok) throw new Error(`${text} was taken by the decoder and is no block`);
  return parsed.value;
}

/** `ns/sa`, or `sa` of the policy's own namespace. */
function readAccount(text: string, namespace: string): ServiceAccountMatch {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { namespace, serviceAccount: first }
    : { namespace: first, serviceAccount: second };
}
