import type { ServiceExportObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import { isOfCluster } from './services.ts';

/** The ServiceExports of the cluster by the services that they ask for, and those of them that export nothing, as there is no such Service. */
export class Exports {
  readonly #all = new Map<ServiceKey, ServiceExportObject>();
  readonly #unmet = new Set<ServiceKey>();

  /** `service`: of its name, as it is now. */
  update({ before, after }: Change<ServiceExportObject>, service: ServiceObject | undefined): void {
    const some = after ?? before;
    if (!some) return;
    const key = serviceKeyOf(some.metadata);
    if (after) this.#all.set(key, after);
    else this.#all.delete(key);
    this.#look(key, service);
  }

  updateService(change: Change<ServiceObject>): void {
    const some = change.after ?? change.before;
    if (some) this.#look(serviceKeyOf(some.metadata), change.after);
  }

  of(service: ServiceKey): ServiceExportObject | undefined {
    return this.#all.get(service);
  }

  /** Those whose Service is not there, or is an ExternalName, in no order. */
  *unmet(): Iterable<ServiceExportObject> {
    for (const key of this.#unmet) {
      const found = this.#all.get(key);
      if (found) yield found;
    }
  }

  #look(key: ServiceKey, service: ServiceObject | undefined): void {
    if (this.#all.has(key) && !isOfCluster(service)) this.#unmet.add(key);
    else this.#unmet.delete(key);
  }
}
