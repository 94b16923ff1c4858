import type { MessageInitShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type {
  IpFamilies,
  NetworkAddress,
  Scope,
  Service,
  ServicePort,
} from '@isthmus/mesh/records/service.ts';
import { ServiceExtensionSchema } from '../gen/isthmus/mesh_pb.js';
import {
  AddressSchema,
  IPFamilies,
  LoadBalancing_HealthPolicy,
  LoadBalancing_Mode,
  LoadBalancing_Scope,
  ServiceSchema,
  Service_Visibility,
  type NetworkAddress as WireAddress,
  type NetworkAddressSchema,
  type Port,
  type Service as WireService,
} from '../gen/upstream/workload_pb.js';
import { encodeMessage } from './binary.ts';
import { extensionNames, readExtension, writeExtension } from './extension.ts';
import type { Fields } from './fields.ts';
import { readGatewayAddress, writeGatewayAddress } from './gateway-address.ts';
import { readBlock, readIp, writeIp } from './ip.ts';

const scopes: Record<Scope, LoadBalancing_Scope> = {
  REGION: LoadBalancing_Scope.REGION,
  ZONE: LoadBalancing_Scope.ZONE,
  SUBZONE: LoadBalancing_Scope.SUBZONE,
  NODE: LoadBalancing_Scope.NODE,
  CLUSTER: LoadBalancing_Scope.CLUSTER,
  NETWORK: LoadBalancing_Scope.NETWORK,
};
const modes = {
  UNSPECIFIED: LoadBalancing_Mode.UNSPECIFIED_MODE,
  STRICT: LoadBalancing_Mode.STRICT,
  FAILOVER: LoadBalancing_Mode.FAILOVER,
  PASSTHROUGH: LoadBalancing_Mode.PASSTHROUGH,
};
const healthPolicies = {
  ONLY_HEALTHY: LoadBalancing_HealthPolicy.ONLY_HEALTHY,
  ALLOW_ALL: LoadBalancing_HealthPolicy.ALLOW_ALL,
};

const families: Record<IpFamilies, IPFamilies> = {
  AUTOMATIC: IPFamilies.AUTOMATIC,
  IPV4_ONLY: IPFamilies.IPV4_ONLY,
  IPV6_ONLY: IPFamilies.IPV6_ONLY,
  DUAL: IPFamilies.DUAL,
};

/** An Address that holds the service. Upstream proxies get it without what Isthmus adds. */
export const encodeService = (
  service: Service,
  { extended }: { extended: boolean } = { extended: true },
): Uint8Array =>
  encodeMessage(AddressSchema, { type: { case: 'service', value: writeService(service, extended) } });

/** A service in parts that are encoded by themselves, so that clients share all but their own addresses of it. */
export interface EncodedService {
  /** The message without an Address around it, and with the addresses that it has for every client. */
  readonly record: Uint8Array;
}

export const encodeServiceRecord = (
  service: Service,
  { extended }: { extended: boolean },
): EncodedService => ({ record: encodeMessage(ServiceSchema, writeService(service, extended)) });

/** The field `addresses` alone. */
export const encodeServiceAddresses = (addresses: readonly NetworkAddress[]): Uint8Array =>
  encodeMessage(ServiceSchema, { addresses: addresses.map(writeAddress) });

/**
 * An Address that holds an encoded service and, after its own, these addresses. Nothing is encoded again: a message may
 * be cut between fields, and what a repeated field has in one part and in the next is one list (protobuf, encoding).
 */
export const joinService = ({ record }: EncodedService, addresses: Uint8Array): Uint8Array =>
  new BinaryWriter()
    .tag(AddressSchema.field.service.number, WireType.LengthDelimited)
    .uint32(record.length + addresses.length)
    .raw(record)
    .raw(addresses)
    .finish();

const writeService = (service: Service, extended: boolean): MessageInitShape<typeof ServiceSchema> => ({
  name: service.name,
  namespace: service.namespace,
  hostname: service.hostname,
  addresses: service.addresses.map(writeAddress),
  ports: service.ports.map(({ servicePort, targetPort }) => ({ servicePort, targetPort })),
  subjectAltNames: [...service.subjectAltNames],
  ...(service.waypoint && { waypoint: writeGatewayAddress(service.waypoint) }),
  loadBalancing: {
    routingPreference: service.routingPreference.map((scope) => scopes[scope]),
    mode: modes[service.mode],
    healthPolicy: healthPolicies[service.healthPolicy],
  },
  canonical: service.canonical,
  visibility: service.visibility === 'NAMESPACE' ? Service_Visibility.NAMESPACE : Service_Visibility.PUBLIC,
  ipFamilies: families[service.ipFamilies],
  extensions: extended ? [writeOurs(service)] : [],
});

const writeOurs = ({ exported, grantedClusters, leftClusters, inClusterset }: Service) =>
  writeExtension(extensionNames.service, ServiceExtensionSchema, {
    exported,
    grantedClusters: [...grantedClusters],
    leftClusters: [...leftClusters],
    inClusterset,
  });

const writeAddress = ({
  network,
  address,
  prefix,
}: NetworkAddress): MessageInitShape<typeof NetworkAddressSchema> => ({
  network,
  address: writeIp(address),
  ...(prefix !== undefined && { length: prefix }),
});

export function readService(message: WireService, fields: Fields): Service {
  const namespace = fields.text('namespace', message.namespace);
  const hostname = fields.text('hostname', message.hostname);
  const ours = readExtension(message.extensions, extensionNames.service, ServiceExtensionSchema, fields);
  return {
    key: `${namespace}/${hostname}`,
    name: message.name,
    namespace,
    hostname,
    addresses: message.addresses.map((address, i) => readAddress(`addresses[${i}]`, address, fields)),
    ports: message.ports.map((port, i) => readPort(`ports[${i}]`, port, fields)),
    subjectAltNames: message.subjectAltNames,
    waypoint: readGatewayAddress('waypoint', message.waypoint, fields),
    ...readBalancing(message.loadBalancing, fields),
    canonical: message.canonical,
    // The one enum of which an unknown number is not an error: everything that is not narrowed is public.
    visibility: message.visibility === Service_Visibility.NAMESPACE ? 'NAMESPACE' : 'PUBLIC',
    ipFamilies: fields.name('ip_families', message.ipFamilies, families),
    exported: ours?.exported ?? false,
    grantedClusters: ours?.grantedClusters ?? [],
    leftClusters: ours?.leftClusters ?? [],
    inClusterset: ours?.inClusterset ?? false,
  };
}

const readBalancing = (
  balancing: WireService['loadBalancing'],
  fields: Fields,
): Pick<Service, 'routingPreference' | 'mode' | 'healthPolicy'> => ({
  routingPreference: (balancing?.routingPreference ?? []).map((scope, i) =>
    fields.name(`load_balancing.routing_preference[${i}]`, scope, scopes),
  ),
  mode: fields.name('load_balancing.mode', balancing?.mode ?? 0, modes),
  healthPolicy: fields.name('load_balancing.health_policy', balancing?.healthPolicy ?? 0, healthPolicies),
});

const readAddress = (
  at: string,
  { network, address, length }: WireAddress,
  fields: Fields,
): NetworkAddress =>
  length === undefined
    ? { network, address: readIp(`${at}.address`, address, fields), prefix: undefined }
    : { network, ...readBlock(at, { address, length }, fields) };

function readPort(at: string, { servicePort, targetPort, appProtocol }: Port, fields: Fields): ServicePort {
  fields.upTo(`${at}.app_protocol`, appProtocol, 5);
  return {
    servicePort: fields.port(`${at}.service_port`, servicePort),
    targetPort: fields.portOrZero(`${at}.target_port`, targetPort),
  };
}
