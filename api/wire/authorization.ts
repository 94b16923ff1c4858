import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AddressMatch,
  Authorization,
  Clause,
  Match,
  StringMatch,
} from '@isthmus/mesh/rbac/authorization.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import {
  Action,
  AuthorizationSchema,
  Scope,
  type Address as WireAddress,
  type Authorization as WireAuthorization,
  type Match as WireMatch,
  type Rules as WireClause,
  type MatchSchema,
  type StringMatch as WireStringMatch,
  type StringMatchSchema,
} from '../gen/upstream/authorization_pb.js';
import { decodeMessage, encodeMessage } from './binary.ts';
import type { Fields } from './fields.ts';
import { readBlock, writeIp } from './ip.ts';

const scopes = {
  GLOBAL: Scope.GLOBAL,
  NAMESPACE: Scope.NAMESPACE,
  WORKLOAD_SELECTOR: Scope.WORKLOAD_SELECTOR,
};
const actions = { ALLOW: Action.ALLOW, DENY: Action.DENY };

export const encodeAuthorization = (authorization: Authorization): Uint8Array =>
  encodeMessage(AuthorizationSchema, writeAuthorization(authorization));

/** `name` is the resource's name: by it, not by the message's own fields, do workloads refer to a policy. */
export const decodeAuthorization = (name: string, bytes: Uint8Array): Result<Authorization, string> =>
  decodeMessage(
    AuthorizationSchema,
    bytes,
    (message, fields) => readAuthorization(fields.text('resource name', name), message, fields),
    'REFUSE',
  );

export const writeAuthorization = (policy: Authorization): MessageInitShape<typeof AuthorizationSchema> => ({
  name: policy.name,
  namespace: policy.namespace,
  scope: scopes[policy.scope],
  action: actions[policy.action],
  groups: policy.rules.map((rule) => ({
    rules: rule.map((clause) => ({ matches: clause.map(writeMatch) })),
  })),
  dryRun: policy.dryRun,
});

export const readAuthorization = (
  key: string,
  message: WireAuthorization,
  fields: Fields,
): Authorization => ({
  key,
  name: message.name,
  namespace: message.namespace,
  scope: fields.name('scope', message.scope, scopes),
  action: fields.name('action', message.action, actions),
  rules: message.groups.map((group, g) =>
    group.rules.map((clause, c) => readClause(`groups[${g}].rules[${c}]`, clause, fields)),
  ),
  dryRun: message.dryRun,
});

export const readClause = (at: string, { matches }: WireClause, fields: Fields): Clause =>
  matches.map((match, m) => readMatch(`${at}.matches[${m}]`, match, fields));

const writeMatch = (match: Match): MessageInitShape<typeof MatchSchema> => ({
  namespaces: match.namespaces.map(writeString),
  notNamespaces: match.notNamespaces.map(writeString),
  principals: match.principals.map(writeString),
  notPrincipals: match.notPrincipals.map(writeString),
  sourceIps: match.sourceIps.map(writeAddress),
  notSourceIps: match.notSourceIps.map(writeAddress),
  destinationIps: match.destinationIps.map(writeAddress),
  notDestinationIps: match.notDestinationIps.map(writeAddress),
  destinationPorts: [...match.destinationPorts],
  notDestinationPorts: [...match.notDestinationPorts],
  serviceAccounts: match.serviceAccounts.map((account) => ({ ...account })),
  notServiceAccounts: match.notServiceAccounts.map((account) => ({ ...account })),
});

function readMatch(at: string, match: WireMatch, fields: Fields): Match {
  const strings = (field: string, values: readonly WireStringMatch[]) =>
    values.map((value, i) => readString(`${at}.${field}[${i}]`, value, fields));
  const blocks = (field: string, values: readonly WireAddress[]) =>
    values.map((value, i) => readBlock(`${at}.${field}[${i}]`, value, fields));
  const ports = (field: string, values: readonly number[]) =>
    values.map((value, i) => fields.upTo(`${at}.${field}[${i}]`, value, 65_535));
  return {
    namespaces: strings('namespaces', match.namespaces),
    notNamespaces: strings('not_namespaces', match.notNamespaces),
    principals: strings('principals', match.principals),
    notPrincipals: strings('not_principals', match.notPrincipals),
    sourceIps: blocks('source_ips', match.sourceIps),
    notSourceIps: blocks('not_source_ips', match.notSourceIps),
    destinationIps: blocks('destination_ips', match.destinationIps),
    notDestinationIps: blocks('not_destination_ips', match.notDestinationIps),
    destinationPorts: ports('destination_ports', match.destinationPorts),
    notDestinationPorts: ports('not_destination_ports', match.notDestinationPorts),
    serviceAccounts: match.serviceAccounts.map(({ namespace, serviceAccount }) => ({
      namespace,
      serviceAccount,
    })),
    notServiceAccounts: match.notServiceAccounts.map(({ namespace, serviceAccount }) => ({
      namespace,
      serviceAccount,
    })),
  };
}

const writeString = (match: StringMatch): MessageInitShape<typeof StringMatchSchema> => ({
  matchType:
    match.kind === 'presence' ? { case: 'presence', value: {} } : { case: match.kind, value: match.value },
});

/** A match of an unknown kind is refused: to skip it would widen the rule. */
function readString(field: string, { matchType }: WireStringMatch, fields: Fields): StringMatch {
  switch (matchType.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return { kind: matchType.case, value: matchType.value };
    case 'presence':
      return { kind: 'presence' };
    case undefined:
      fields.refuse(field, 'has no kind of match that is known here');
      return { kind: 'presence' };
  }
}

const writeAddress = ({ address, prefix }: AddressMatch) => ({ address: writeIp(address), length: prefix });
