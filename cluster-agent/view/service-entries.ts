import type { ServiceEntryObject } from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyAt, type ServiceKey } from '../keys/names.ts';
import { Selectors, type Labels } from './selectors.ts';
import { Sets } from './sets.ts';
import { entryName } from './workload-entries.ts';

/**
 * ServiceEntries by name, by their hosts and by the workloads that they select. Of several entries of a namespace that have
 * one host the oldest says what serves it; none does where the cluster has a Service of that name.
 */
export class ServiceEntries {
  readonly #all = new Map<string, ServiceEntryObject>();
  readonly #byHost = new Sets<ServiceKey, string>();
  readonly #byNamespace = new Sets<string, string>();
  readonly #selectors = new Selectors<string>();
  readonly #inForce = new Map<ServiceKey, ServiceEntryObject>();
  /** Hosts of which some entry is not in force. */
  readonly #contested = new Set<ServiceKey>();
  readonly #isService: (key: ServiceKey) => boolean;

  /** `isService`: whether the cluster has a Service of that name that has endpoints. */
  constructor(isService: (key: ServiceKey) => boolean) {
    this.#isService = isService;
  }

  /** Gives the hosts that another entry is in force of now, or the same one in another form. */
  *update({ before, after }: Change<ServiceEntryObject>): Iterable<ServiceKey> {
    const some = after ?? before;
    if (!some) return;
    const name = entryName(some);
    const { namespace } = some.metadata;
    if (after) this.#all.set(name, after);
    else this.#all.delete(name);
    const [had, has] = [keysOf(before), keysOf(after)];
    this.#byHost.move(name, had, has);
    if (!before) this.#byNamespace.add(namespace, name);
    if (!after) this.#byNamespace.delete(namespace, name);
    if (after && Object.keys(after.selector).length > 0) this.#selectors.set(name, namespace, after.selector);
    else this.#selectors.delete(name);
    for (const key of new Set([...had, ...has])) if (this.#look(key)) yield key;
  }

  /** A Service came, went or changed: true when that of the entries in force is another one. */
  updateService(key: ServiceKey): boolean {
    return this.#look(key);
  }

  /** `<namespace>/<name>` */
  get(name: string): ServiceEntryObject | undefined {
    return this.#all.get(name);
  }

  /** The entry that says what serves a host. */
  at(key: ServiceKey): ServiceEntryObject | undefined {
    return this.#inForce.get(key);
  }

  /** All that have a host. */
  having(key: ServiceKey): Iterable<ServiceEntryObject> {
    return this.#named(this.#byHost.get(key));
  }

  inNamespace(namespace: string): Iterable<ServiceEntryObject> {
    return this.#named(this.#byNamespace.get(namespace));
  }

  /** Those that select a pod or a WorkloadEntry with these labels. */
  selecting(namespace: string, labels: Labels): Iterable<ServiceEntryObject> {
    return this.#named(this.#selectors.selecting(namespace, labels));
  }

  /** Hosts of which some entry is not in force, in no order. */
  contested(): Iterable<ServiceKey> {
    return { [Symbol.iterator]: () => this.#contested.values() };
  }

  #look(key: ServiceKey): boolean {
    const before = this.#inForce.get(key);
    const entries = [...this.having(key)];
    const after = this.#isService(key) ? undefined : entries.toSorted(byPrecedence)[0];
    if (after) this.#inForce.set(key, after);
    else this.#inForce.delete(key);
    if (entries.some((one) => one !== after)) this.#contested.add(key);
    else this.#contested.delete(key);
    return before !== after;
  }

  *#named(names: Iterable<string>): Iterable<ServiceEntryObject> {
    for (const name of names) {
      const entry = this.#all.get(name);
      if (entry) yield entry;
    }
  }
}

/** What others than the view itself may ask. */
export type ServiceEntryQueries = Omit<ServiceEntries, 'update' | 'updateService'>;

/** The names of what an entry's hosts are as services. */
export const keysOf = (entry: ServiceEntryObject | undefined): readonly ServiceKey[] =>
  entry?.hosts.map((host) => serviceKeyAt(entry.metadata.namespace, host)) ?? [];
