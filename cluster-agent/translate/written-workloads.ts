import type { ServiceEntryObject, ServiceObject, WrittenWorkload } from '@isthmus/api/kubernetes/objects.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import {
  formatWorkloadIdentity,
  workloadIdentity,
  type SpiffeId,
  type TrustDomain,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import type { PortMapping, Workload } from '@isthmus/mesh/records/workload.ts';
import type { Ref, ServiceKey } from '../keys/names.ts';
import { canonicalOf } from './canonical.ts';
import type { Place } from './endpoint.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { blank, endpointCapacity } from './workload-fields.ts';

/** Where this is. */
export interface Here {
  readonly cluster: string;
  readonly trustDomain: TrustDomain;
  /** Of the cluster. */
  readonly network: string;
}

/** What serves outside of pods, with what its object says of it. */
interface Said {
  readonly uid: string;
  /** Of the object. */
  readonly ref: Ref;
  readonly hbone: boolean;
  readonly healthy: boolean;
  readonly services: Workload['services'];
}

/**
 * A workload that somebody wrote down. Unless its object says that it takes HBONE it is reached in plaintext, as no proxy of
 * the mesh is known there: so within its network only.
 */
export function writtenWorkload(written: WrittenWorkload, said: Said, here: Here): Workload {
  const { namespace, name } = said.ref;
  const { address, hostname, labels, network, weight, serviceAccount } = written;
  const at = network === '' ? here.network : network;
  return {
    ...blank,
    uid: said.uid,
    name,
    namespace,
    addresses: address === '' ? [] : [address],
    hostname,
    network: at,
    // In another network its address is no one's to claim: there it could pass for a gateway. Services still have it.
    hostNetwork: at !== here.network,
    cluster: here.cluster,
    locality: written.locality,
    trustDomain: here.trustDomain,
    serviceAccount: serviceAccount === '' ? 'default' : serviceAccount,
    ...canonicalOf({ metadata: { labels }, workloadName: name }),
    workloadName: name,
    status: said.healthy ? 'HEALTHY' : 'UNHEALTHY',
    capacity: weight * endpointCapacity,
    services: said.services,
    transport: said.hbone ? 'hbone' : 'plaintext',
  };
}

/** One endpoint as it counts for one service. */
export type CountedEndpoint = readonly [
  ServiceKey,
  { readonly place: Place; readonly healthy: boolean; readonly identity: SpiffeId | undefined },
];

/** What one object says that serves outside of pods. */
export interface WrittenEndpoints {
  readonly workloads: readonly Workload[];
  readonly endpoints: readonly CountedEndpoint[];
}

export const recordsOf = (workloads: readonly Workload[]): readonly SnapshotRecord[] =>
  workloads.map((record) => ({ part: 'workloads', name: record.uid, record }));

/** In the order of their keys; without those of which it has no port. */
export const served = (
  found: ReadonlyMap<ServiceKey, readonly PortMapping[]>,
): ReadonlyMap<ServiceKey, readonly PortMapping[]> =>
  new Map([...found].filter(([, ports]) => ports.length > 0).sort(([a], [b]) => compareText(a, b)));

/** What such a workload counts for its services: nothing where proxies of this cluster cannot dial it. */
export function countedEndpoints(
  workload: Workload,
  services: Iterable<ServiceKey>,
  here: Here,
): readonly CountedEndpoint[] {
  if (workload.addresses.length === 0 || workload.network !== here.network) return [];
  const { region, zone } = workload.locality;
  const { transport, trustDomain, namespace, serviceAccount } = workload;
  const counted = {
    place: { region, zone, transport },
    healthy: workload.status === 'HEALTHY',
    identity:
      transport === 'hbone'
        ? formatWorkloadIdentity(workloadIdentity(trustDomain, namespace, serviceAccount))
        : undefined,
  };
  return Array.from(services, (service) => [service, counted]);
}

/** A named target port is what the workload calls by that name; without it the workload does not serve the port. */
export const portsOfWritten = ({ ports }: ServiceObject, written: WrittenWorkload): readonly PortMapping[] =>
  ports.flatMap(({ port, targetPort }) => {
    const target = typeof targetPort === 'number' ? targetPort : written.ports.get(targetPort);
    return target === undefined ? [] : [{ servicePort: port, targetPort: target }];
  });

/** A port of a ServiceEntry is what the workload calls by the name of that port, else the one that the entry names. */
export const portsOfEntry = (
  { ports }: ServiceEntryObject,
  written: WrittenWorkload,
): readonly PortMapping[] =>
  ports.map(({ name, port, targetPort }) => ({
    servicePort: port,
    targetPort: written.ports.get(name) ?? targetPort,
  }));
