import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';

/** On which port an endpoint serves a service's port: its own mapping, or the service's; 0 when neither says. */
export function targetPortOf(service: Service, workload: Workload, port: number): number {
  const mappings = workload.services.get(service.key) ?? [];
  const own = mappings.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0;
  return own !== 0 ? own : (service.ports.find(({ servicePort }) => servicePort === port)?.targetPort ?? 0);
}
