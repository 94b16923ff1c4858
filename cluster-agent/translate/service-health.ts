import { formatServiceKey, type ServiceKey as FederatedServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Derivation, Fold } from './derivation.ts';
import { localService } from './distribution.ts';
import { byRef } from './in-order.ts';

interface Inputs {
  readonly namespace: string;
  readonly name: string;
  readonly groups: readonly EndpointGroup[];
}

/** How many endpoints a service has, as a heartbeat says it; nothing for a service without any. */
export const serviceHealth: Derivation<ServiceKey, Inputs, ServiceHealth> = {
  name: 'serviceHealth',
  reads: new Set(['service', 'groups']),
  *keys({ view }) {
    for (const { metadata } of view.all('Service')) yield serviceKeyOf(metadata);
  },
  wakes: (touched) => (touched.kind === 'service' || touched.kind === 'groups' ? [touched.service] : []),
  inputs(key, { view, derived }) {
    // What a ServiceEntry says of the name of an ExternalName is no service of the cluster.
    const service = localService(view, key);
    const groups = derived.groups(key);
    if (!service || groups.length === 0) return undefined;
    const { namespace, name } = service.metadata;
    return { namespace, name, groups };
  },
  derive: ({ namespace, name, groups }) => ({ namespace, name, groups }),
};

/** The health of all services. What does not change is the very object of before. */
export class HealthInOrder implements Fold<ServiceKey, ServiceHealth> {
  readonly #byService = new Map<FederatedServiceKey, ServiceHealth>();
  /** Undefined when it has to be made again. */
  #sorted: readonly ServiceHealth[] | undefined = [];

  take(_service: ServiceKey, { before, after }: Change<ServiceHealth>): readonly Touched[] {
    this.#sorted = undefined;
    const one = after ?? before;
    if (!one) return [];
    const service = formatServiceKey(one);
    if (after) this.#byService.set(service, after);
    else this.#byService.delete(service);
    return [{ kind: 'health', service }];
  }

  /** By namespace and name. */
  get all(): readonly ServiceHealth[] {
    this.#sorted ??= [...this.#byService.values()].sort(byRef);
    return this.#sorted;
  }

  of(service: FederatedServiceKey): ServiceHealth | undefined {
    return this.#byService.get(service);
  }
}
