import { targetPortOf } from '@isthmus/mesh/decide/target-port.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';

/**
 * The service under which a connection to a pod's own address is counted, as upstream attributes it: the one that the
 * caller says it meant, or else one that has the port. Only services that the pod backs count, so that nobody can
 * have a connection counted elsewhere. Decides nothing.
 */
export function serviceMeant(
  state: MeshState,
  workload: Workload,
  port: number,
  said: string | undefined,
): Service | undefined {
  const backed = [...workload.services.keys()].sort().flatMap((key) => state.services.get(key) ?? []);
  const onPort = (service: Service): boolean =>
    service.ports.some(({ servicePort }) => targetPortOf(service, workload, servicePort) === port);
  return backed.find(({ hostname }) => hostname === said) ?? backed.find(onPort);
}
