import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Transport, Workload, PortMapping } from '@isthmus/mesh/records/workload.ts';
import {
  Transport as WireTransport,
  WorkloadExtensionSchema,
  type WorkloadExtension,
} from '../gen/isthmus/mesh_pb.js';
import {
  AddressSchema,
  NetworkMode,
  TunnelProtocol,
  WorkloadStatus,
  WorkloadType,
  type PortList,
  type Workload as WireWorkload,
  type WorkloadSchema,
} from '../gen/upstream/workload_pb.js';
import { encodeMessage, sortedRecord } from './binary.ts';
import { extensionNames, readExtension, writeExtension } from './extension.ts';
import type { Fields } from './fields.ts';
import { readGatewayAddress, writeGatewayAddress } from './gateway-address.ts';
import { readIp, writeIp } from './ip.ts';

const types = {
  DEPLOYMENT: WorkloadType.DEPLOYMENT,
  CRONJOB: WorkloadType.CRONJOB,
  POD: WorkloadType.POD,
  JOB: WorkloadType.JOB,
};
const statuses = { HEALTHY: WorkloadStatus.HEALTHY, UNHEALTHY: WorkloadStatus.UNHEALTHY };
const networkModes = { STANDARD: NetworkMode.STANDARD, HOST_NETWORK: NetworkMode.HOST_NETWORK };
/** LEGACY_ISTIO_MTLS is refused, as Istio's own ztunnel does. */
const tunnels = { NONE: TunnelProtocol.NONE, HBONE: TunnelProtocol.HBONE };
const transports = {
  hbone: WireTransport.HBONE,
  'istio-mtls': WireTransport.ISTIO_MTLS,
  plaintext: WireTransport.PLAINTEXT,
};

/** An Address that holds the workload. Upstream proxies get it without what Isthmus adds. */
export const encodeWorkload = (
  workload: Workload,
  { extended }: { extended: boolean } = { extended: true },
): Uint8Array =>
  encodeMessage(AddressSchema, { type: { case: 'workload', value: writeWorkload(workload, extended) } });

const writeWorkload = (workload: Workload, extended: boolean): MessageInitShape<typeof WorkloadSchema> => ({
  uid: workload.uid,
  name: workload.name,
  namespace: workload.namespace,
  addresses: workload.addresses.map(writeIp),
  network: workload.network,
  clusterId: workload.cluster,
  node: workload.node,
  ...(Object.values(workload.locality).some((part) => part !== '') && { locality: { ...workload.locality } }),
  tunnelProtocol: workload.transport === 'hbone' ? TunnelProtocol.HBONE : TunnelProtocol.NONE,
  trustDomain: workload.trustDomain === defaultTrustDomain ? '' : workload.trustDomain,
  serviceAccount: workload.serviceAccount === 'default' ? '' : workload.serviceAccount,
  canonicalName: workload.canonicalName,
  canonicalRevision: workload.canonicalRevision,
  workloadName: workload.workloadName,
  workloadType: types[workload.workloadType],
  hostname: workload.hostname,
  networkMode: workload.hostNetwork ? NetworkMode.HOST_NETWORK : NetworkMode.STANDARD,
  status: statuses[workload.status],
  ...(workload.capacity !== 1 && { capacity: workload.capacity }),
  services: writeServices(workload.services),
  ...(workload.waypoint && { waypoint: writeGatewayAddress(workload.waypoint) }),
  ...(workload.networkGateway && { networkGateway: writeGatewayAddress(workload.networkGateway) }),
  authorizationPolicies: [...workload.authorizationPolicies],
  extensions: extended ? [writeOurs(workload)] : [],
});

const writeServices = (services: Workload['services']) =>
  sortedRecord(
    [...services].map(([key, ports]) => [
      key,
      { ports: ports.map(({ servicePort, targetPort }) => ({ servicePort, targetPort })) },
    ]),
  );

const writeOurs = (workload: Workload) =>
  writeExtension(extensionNames.workload, WorkloadExtensionSchema, {
    transport: transports[workload.transport],
    appAddress: workload.appAddress,
    capturedPorts: [...workload.capturedPorts],
    classicClients: workload.classicClients,
    strict: workload.strict,
    sidecar: workload.sidecar,
    subjectAltNames: [...workload.subjectAltNames],
    passthroughPort: workload.passthroughPort,
    eastWestGateway: workload.eastWestGateway,
  });

export function readWorkload(message: WireWorkload, fields: Fields): Workload {
  const uid = fields.text('uid', message.uid);
  const tunnel = fields.name('tunnel_protocol', message.tunnelProtocol, tunnels);
  const ours = readExtension(message.extensions, extensionNames.workload, WorkloadExtensionSchema, fields);
  const { region, zone, subzone } = message.locality ?? { region: '', zone: '', subzone: '' };
  return {
    uid,
    name: message.name,
    namespace: message.namespace,
    addresses: message.addresses.map((bytes, i) => readIp(`addresses[${i}]`, bytes, fields)),
    network: message.network,
    cluster: message.clusterId || 'Kubernetes',
    node: message.node,
    locality: { region, zone, subzone },
    trustDomain:
      message.trustDomain === ''
        ? defaultTrustDomain
        : fields.trustDomain('trust_domain', message.trustDomain),
    serviceAccount: message.serviceAccount || 'default',
    canonicalName: message.canonicalName,
    canonicalRevision: message.canonicalRevision,
    workloadName: message.workloadName,
    workloadType: fields.name('workload_type', message.workloadType, types),
    hostname: message.hostname,
    hostNetwork: fields.name('network_mode', message.networkMode, networkModes) === 'HOST_NETWORK',
    status: fields.name('status', message.status, statuses),
    capacity: message.capacity ?? 1,
    services: readServices(message.services, fields),
    waypoint: readGatewayAddress('waypoint', message.waypoint, fields),
    networkGateway: readGatewayAddress('network_gateway', message.networkGateway, fields),
    authorizationPolicies: message.authorizationPolicies,
    ...readOurs(ours, tunnel === 'HBONE' ? 'hbone' : 'plaintext', fields),
  };
}

const readServices = (services: Readonly<Record<string, PortList>>, fields: Fields): Workload['services'] =>
  new Map(
    Object.entries(services).map(([key, { ports }]): [string, PortMapping[]] => {
      const at = `services[${key.slice(0, 80)}]`;
      if (!/^[^/]+\/[^/]+$/.test(key)) fields.refuse(at, 'is not <namespace>/<hostname>');
      return [
        key,
        ports.map(({ servicePort, targetPort }, i) => ({
          servicePort: fields.port(`${at}.ports[${i}].service_port`, servicePort),
          targetPort: fields.portOrZero(`${at}.ports[${i}].target_port`, targetPort),
        })),
      ];
    }),
  );

type Ours = Pick<
  Workload,
  | 'transport'
  | 'appAddress'
  | 'capturedPorts'
  | 'classicClients'
  | 'strict'
  | 'sidecar'
  | 'subjectAltNames'
  | 'passthroughPort'
  | 'eastWestGateway'
>;

/** Without the extension every field has its proto3 default, but for the transport: that is what upstream says. */
function readOurs(extension: WorkloadExtension | undefined, transport: Transport, fields: Fields): Ours {
  const ours = extension ?? create(WorkloadExtensionSchema);
  return {
    transport: extension ? fields.name('extension.transport', extension.transport, transports) : transport,
    appAddress: ours.appAddress,
    capturedPorts: ours.capturedPorts.map((port, i) => fields.port(`extension.captured_ports[${i}]`, port)),
    classicClients: ours.classicClients,
    strict: ours.strict,
    sidecar: ours.sidecar,
    subjectAltNames: ours.subjectAltNames,
    passthroughPort: fields.portOrZero('extension.passthrough_port', ours.passthroughPort),
    eastWestGateway: ours.eastWestGateway,
  };
}
