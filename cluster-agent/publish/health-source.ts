import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';

/** What health reports are made of, as it is at the moment. */
export interface HealthSource {
  /** The agent has finished listing its cluster, and it leads: a service without counts has no endpoints. */
  readonly isListed: boolean;
  readonly pulse: Pick<HealthReport, 'proxiesConnected' | 'workloads'>;
  /** Of every service that has endpoints, by namespace and name. */
  all(): readonly ServiceHealth[];
  /** Undefined: the service has no endpoints. */
  of(service: ServiceKey): ServiceHealth | undefined;
}
