import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import type { Derivation, Fold } from './derivation.ts';
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
    const service = view.service(key);
    const groups = derived.groups(key);
    if (!service || groups.length === 0) return undefined;
    const { namespace, name } = service.metadata;
    return { namespace, name, groups };
  },
  derive: ({ namespace, name, groups }) => ({ namespace, name, groups }),
};

/** The health of all services, by namespace and name. What does not change is the very object of before. */
export class HealthInOrder implements Fold<ServiceKey, ServiceHealth> {
  readonly #byService = new Map<ServiceKey, ServiceHealth>();
  /** Undefined when it has to be made again: a service came or went. */
  #sorted: ServiceHealth[] | undefined = [];

  take(service: ServiceKey, { before, after }: Change<ServiceHealth>): [] {
    if (after) this.#byService.set(service, after);
    else this.#byService.delete(service);
    const at = before && after ? this.#sorted?.indexOf(before) : undefined;
    if (!this.#sorted || !after || at === undefined || at < 0) this.#sorted = undefined;
    // Copied, as a report that was sent may still hold it.
    else this.#sorted = this.#sorted.with(at, after);
    return [];
  }

  get all(): readonly ServiceHealth[] {
    this.#sorted ??= [...this.#byService.values()].sort(byRef);
    return this.#sorted;
  }
}
