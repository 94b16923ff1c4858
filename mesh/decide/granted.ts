import type { MeshState } from '../state/mesh-state.ts';
import type { Service, ServiceKey } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { targetPortOf } from './target-port.ts';

export interface Arrival {
  readonly workload: Workload;
  /** The workload's own port, as `decideInbound` resolved it. */
  readonly port: number;
  /** The service that the CONNECT named, if it named one. */
  readonly service: ServiceKey | undefined;
  /** Who proved itself by mTLS; undefined for plaintext, of which no cluster is known. */
  readonly peer: { readonly cluster: string } | undefined;
}

/**
 * Why a caller of another cluster may not come to a port, or undefined when it may. The gateway has checked the same
 * grant, but not what it cannot see: on 15443 it terminates nothing, and inside a double tunnel the inner CONNECT may
 * name another port than the outer one did.
 */
export function grantRefusal(
  state: MeshState,
  arrival: Arrival,
): { readonly code: 'NOT_GRANTED'; readonly message: string } | undefined {
  const { workload, port, service, peer } = arrival;
  if (!peer || peer.cluster === workload.cluster) return undefined;
  const covers = (one: Service): boolean =>
    one.exported &&
    one.grantedClusters.includes(peer.cluster) &&
    one.ports.some(({ servicePort }) => targetPortOf(one, workload, servicePort) === port);
  const covered = now(state, service === undefined ? workload.services.keys() : [service]).some(covers);
  if (covered || (service === undefined && withdrawn(state, workload).some(covers))) return undefined;
  const message = `port ${port} of ${workload.uid} is exported to no caller of cluster ${peer.cluster}`;
  return { code: 'NOT_GRANTED', message };
}

/** Services as they are now: since a connection began, what it asked for may have been changed, or be gone. */
const now = (state: MeshState, keys: Iterable<string>): readonly Service[] =>
  [...keys].flatMap((key) => state.services.get(key) ?? []);

/**
 * The exported services of its namespace that nobody here backs any more. For while a service is drained whole, its
 * endpoints leave it in the eyes of their own proxy, though callers elsewhere may not have heard of it yet.
 */
const withdrawn = (state: MeshState, workload: Workload): readonly Service[] =>
  state.services
    .exportedIn(workload.namespace)
    .filter(({ key }) => !state.workloads.isBacked(key, { cluster: workload.cluster }));
