import type { MeshState } from '../state/mesh-state.ts';
import type { Service } from '../state/service.ts';
import type { Workload } from '../state/workload.ts';
import { targetPortOf } from './target-port.ts';

export interface Arrival {
  readonly workload: Workload;
  /** The workload's own port, as `decideInbound` resolved it. */
  readonly port: number;
  /** The service that the CONNECT named, if it named one. */
  readonly service: Service | undefined;
  /** Who proved itself by mTLS; undefined for plaintext, of which no cluster is known. */
  readonly peer: { readonly cluster: string } | undefined;
}

/**
 * Why a caller of another cluster may not come to a port, or undefined when it may. The gateway has checked the same
 * grant, but not what it cannot see: on 15443 it terminates nothing, and inside a double tunnel the inner CONNECT may
 * name another port than the outer one did.
 */
export function grantRefusal(state: MeshState, arrival: Arrival): string | undefined {
  const { workload, port, service, peer } = arrival;
  if (!peer || peer.cluster === workload.cluster) return undefined;
  const covers = (one: Service): boolean =>
    one.exported &&
    one.grantedClusters.includes(peer.cluster) &&
    one.ports.some(({ servicePort }) => targetPortOf(one, workload, servicePort) === port);
  const covered = service ? covers(service) : offered(state, workload).some(covers);
  return covered
    ? undefined
    : `NOT_GRANTED: port ${port} of ${workload.uid} is exported to no caller of cluster ${peer.cluster}`;
}

/**
 * The services whose port it may be: those that it backs, and those of its namespace that nobody here backs any more.
 * For while a service is drained whole, its endpoints leave it in the eyes of their own proxy, though callers
 * elsewhere may not have heard of it yet.
 */
const mayBack = (state: MeshState, workload: Workload, service: Service): boolean =>
  workload.services.has(service.key) ||
  (service.namespace === workload.namespace &&
    !state.workloads.ofService(service.key).some(({ cluster }) => cluster === workload.cluster));

function offered(state: MeshState, workload: Workload): readonly Service[] {
  return [...state.services.all()].filter((service) => service.exported && mayBack(state, workload, service));
}
