import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type {
  Activation,
  HubAddress,
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '../../domain/directive.ts';
import type { TrafficPolicy } from '../../domain/traffic-policy.ts';
import {
  ActivationSchema,
  HubAddressSchema,
  CompiledPolicySchema,
  TrafficShiftSchema,
  ExportGrantSchema,
  MemberSchema,
  RemoteServiceSchema,
  TrafficPolicySchema,
  type RemoteService as WireRemote,
} from '../../gen/isthmus/link_pb.js';
import { AuthorizationSchema } from '../../gen/upstream/authorization_pb.js';
import { readAuthorization, writeAuthorization } from '../authorization.ts';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';
import { parseServiceKey, type ServiceKey } from '../../domain/names.ts';
import { recordLimits } from '../../domain/limits.ts';
import { readProperties, writeProperties } from './global-properties.ts';
import { copies, readGateway, readGroup, readIdentities, readPorts, writeGroup } from './shapes.ts';

/** Type `activation`, named by the key id. */
export const activation: Codec<Activation> = codec(
  ActivationSchema,
  ({ keyId }) => ({ keyId }),
  ({ keyId }, fields): Activation => ({ keyId: fields.text('key_id', keyId) }),
);

/** Type `policy`, named by the policy's name. The authorization's key is `<namespace>/<name>` of its own fields. */
export const compiledPolicy: Codec<CompiledPolicy> = codec(
  CompiledPolicySchema,
  ({ name, revision, target, authorization }) => ({
    name,
    revision: BigInt(revision),
    targetNamespace: target.namespace,
    targetLabels: sortedRecord(Object.entries(target.labels)),
    authorization: writeAuthorization(authorization),
  }),
  (policy, fields): CompiledPolicy => {
    const wire = fields.required('authorization', policy.authorization, create(AuthorizationSchema));
    const key = `${wire.namespace}/${fields.text('authorization.name', wire.name)}`;
    return {
      name: fields.text('name', policy.name),
      revision: fields.count('revision', policy.revision),
      target: { namespace: policy.targetNamespace, labels: { ...policy.targetLabels } },
      authorization: readAuthorization(key, wire, fields),
    };
  },
  'REFUSE',
);

/** Type `traffic`, named `<namespace>/<name>`. */
export const trafficPolicy: Codec<TrafficPolicy> = codec(
  TrafficPolicySchema,
  (policy) => ({
    namespace: policy.namespace,
    name: policy.name,
    localityOrder: [...policy.localityOrder],
    regionFailover: copies(policy.regionFailover),
  }),
  (policy, fields): TrafficPolicy => ({
    kind: 'trafficPolicy',
    namespace: fields.text('namespace', policy.namespace),
    name: fields.text('name', policy.name),
    localityOrder: policy.localityOrder.map((scope, i) =>
      fields.word(`locality_order[${i}]`, scope, ['REGION', 'ZONE', 'CLUSTER']),
    ),
    regionFailover: policy.regionFailover.map(({ from, to }, i) => ({
      from: fields.text(`region_failover[${i}].from`, from),
      to: fields.text(`region_failover[${i}].to`, to),
    })),
  }),
);

/** A traffic shift: type `diversion`, named by its id. */
export const trafficShift: Codec<TrafficShift> = codec(
  TrafficShiftSchema,
  ({ services, deadline, ...rest }) => ({
    ...rest,
    services: [...services],
    deadline: BigInt(deadline ?? 0),
  }),
  (value, fields): TrafficShift => ({
    id: fields.text('id', value.id),
    cluster: fields.text('cluster', value.cluster),
    percent: fields.upTo('percent', value.percent, 100),
    services: readServices(value.services, fields),
    remoteOnly: value.remoteOnly,
    deadline: fields.count('deadline', value.deadline) || undefined,
  }),
);

const readServices = (services: readonly string[], fields: Fields): readonly ServiceKey[] =>
  services.flatMap((service, i) => {
    const key = parseServiceKey(service);
    if (key === undefined)
      fields.refuse(`services[${i}]`, `${JSON.stringify(service.slice(0, 60))} is not <namespace>/<name>`);
    return key ?? [];
  });

/** Type `member`, named by the cluster. */
export const member: Codec<Member> = codec(
  MemberSchema,
  ({ cluster }) => ({ cluster }),
  ({ cluster }, fields): Member => ({ cluster: fields.label('cluster', cluster) }),
);

/** Type `hub-address`, named `self`. */
export const hubAddress: Codec<HubAddress> = codec(
  HubAddressSchema,
  ({ linkEndpoints }) => ({ linkEndpoints: [...linkEndpoints] }),
  ({ linkEndpoints }, fields): HubAddress => {
    if (linkEndpoints.length === 0) fields.refuse('link_endpoints', 'is missing');
    const all = fields.list('link_endpoints', linkEndpoints, recordLimits.addressesOfHub);
    for (const [i, one] of all.entries())
      if (!/^[^\s]{1,255}:\d{1,5}$/.test(one))
        fields.refuse(`link_endpoints[${i}]`, `${JSON.stringify(one.slice(0, 60))} is not host:port`);
    return { linkEndpoints: all };
  },
);

/** Type `grant`, named `<namespace>/<name>`. */
export const exportGrant: Codec<ExportGrant> = codec(
  ExportGrantSchema,
  ({ namespace, name, clusters, members = false }) => ({ namespace, name, clusters: [...clusters], members }),
  (grant, fields): ExportGrant => ({
    namespace: fields.label('namespace', grant.namespace),
    name: fields.label('name', grant.name),
    clusters: grant.clusters,
    ...(grant.members && { members: true }),
  }),
);

/** Type `remote`, named `<cluster>/<namespace>/<name>`. */
export const remoteService: Codec<RemoteService> = codec(
  RemoteServiceSchema,
  (remote): MessageInitShape<typeof RemoteServiceSchema> => ({
    cluster: remote.cluster,
    namespace: remote.namespace,
    name: remote.name,
    hostname: remote.hostname,
    ports: copies(remote.ports),
    subjectAltNames: [...remote.subjectAltNames],
    groups: remote.groups.map(writeGroup),
    gateways: copies(remote.gateways),
    ...(remote.properties && { properties: writeProperties(remote.properties) }),
  }),
  readRemote,
);

function readRemote(remote: WireRemote, fields: Fields): RemoteService {
  return {
    cluster: fields.label('cluster', remote.cluster),
    namespace: fields.label('namespace', remote.namespace),
    name: fields.label('name', remote.name),
    hostname: fields.dnsName('hostname', remote.hostname),
    ports: readPorts(remote.ports, fields),
    subjectAltNames: readIdentities(remote, fields),
    groups: fields
      .list('groups', remote.groups, recordLimits.groupsOfService)
      .map((group, i) => readGroup(`groups[${i}]`, group, fields)),
    gateways: fields
      .list('gateways', remote.gateways, recordLimits.gatewaysOfCluster)
      .map((gateway, i) => readGateway(`gateways[${i}].`, gateway, fields)),
    ...(remote.properties && { properties: readProperties(remote.properties, fields) }),
  };
}
