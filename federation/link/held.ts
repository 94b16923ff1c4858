import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { written, writtenServices, type ChangeSet } from '../observation/change-set.ts';
import { restsOn } from './hold.ts';

/** A name that is held back from one session. */
export interface HeldName<S> {
  readonly session: S;
  readonly type: DownType;
  readonly name: string;
}

interface Entry<S> extends HeldName<S> {
  readonly cluster: ClusterName;
  readonly service: ServiceKey;
}

/** What is held back from which session, by what that rests on. A name stays until something of that changes. */
export class Held<S extends object> {
  readonly #bySession = new Map<S, Map<string, Entry<S>>>();
  readonly #byCluster = new Map<ClusterName, Set<Entry<S>>>();
  readonly #byService = new Map<ServiceKey, Set<Entry<S>>>();

  get size(): number {
    return this.#bySession.size + this.#byCluster.size + this.#byService.size;
  }

  /** `receiver`: the session's cluster. */
  add(session: S, receiver: ClusterName, type: DownType, name: string): void {
    const on = restsOn(receiver, type, name);
    if (!on) return;
    const ofSession = this.#bySession.get(session) ?? new Map<string, Entry<S>>();
    const id = `${type} ${name}`;
    if (ofSession.has(id)) return;
    const entry = { session, type, name, cluster: on.cluster, service: on.service };
    this.#bySession.set(session, ofSession.set(id, entry));
    put(this.#byCluster, entry.cluster, entry);
    put(this.#byService, entry.service, entry);
  }

  /** Drops all that is held back from a session that has ended. */
  remove(session: S): void {
    for (const entry of this.#bySession.get(session)?.values() ?? []) this.#drop(entry);
  }

  /** Names of which it may be another answer now whether they are held back. They are kept no more. */
  released(changes: ChangeSet): readonly HeldName<S>[] {
    if (this.#bySession.size === 0) return [];
    const found = new Set<Entry<S>>();
    const all = (entries: Iterable<Entry<S>> = []) => {
      for (const entry of entries) found.add(entry);
    };
    for (const cluster of changes.links) all(this.#byCluster.get(cluster));
    for (const cluster of written(changes, 'cluster').keys()) all(this.#byCluster.get(cluster));
    for (const cluster of changes.forgotten) all(this.#byCluster.get(cluster));
    for (const service of writtenServices(changes, 'serviceExport', 'exportApproval'))
      all(this.#byService.get(service));
    for (const [cluster, services] of changes.services)
      for (const service of services)
        for (const entry of this.#byService.get(service) ?? [])
          if (entry.cluster === cluster) found.add(entry);
    for (const entry of found) this.#drop(entry);
    return [...found];
  }

  #drop(entry: Entry<S>): void {
    const ofSession = this.#bySession.get(entry.session);
    ofSession?.delete(`${entry.type} ${entry.name}`);
    if (ofSession?.size === 0) this.#bySession.delete(entry.session);
    take(this.#byCluster, entry.cluster, entry);
    take(this.#byService, entry.service, entry);
  }
}

function put<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  if (known) known.add(value);
  else sets.set(key, new Set([value]));
}

function take<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  known?.delete(value);
  if (known?.size === 0) sets.delete(key);
}
