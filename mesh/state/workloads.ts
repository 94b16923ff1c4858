import { IndexMap } from './index-map.ts';
import type { ServiceKey } from './service.ts';
import type { Workload, WorkloadUid } from './workload.ts';

/** Workloads by uid, with what finds them. `insert` and `remove` alone write, and keep every index in step. */
export class WorkloadStore {
  readonly #byUid = new Map<WorkloadUid, Workload>();
  readonly #byAddress = new IndexMap<Workload>();
  readonly #byService = new IndexMap<Workload>();
  readonly #byHostname = new IndexMap<Workload>();
  readonly #byNode = new IndexMap<Workload>();

  insert(workload: Workload): void {
    this.remove(workload.uid);
    this.#byUid.set(workload.uid, workload);
    this.#eachKey(workload, (index, key) => index.add(key, workload));
  }

  remove(uid: WorkloadUid): Workload | undefined {
    const workload = this.#byUid.get(uid);
    if (!workload) return undefined;
    this.#byUid.delete(uid);
    this.#eachKey(workload, (index, key) => index.delete(key, workload));
    return workload;
  }

  get(uid: WorkloadUid): Workload | undefined {
    return this.#byUid.get(uid);
  }

  all(): Iterable<Workload> {
    return this.#byUid.values();
  }

  /** Of several workloads at one address a pod is preferred, then one that speaks HBONE, as upstream does. */
  atAddress(network: string, address: string): Workload | undefined {
    const found = this.#byAddress.get(`${network}/${address}`);
    return (
      found.find(({ uid }) => uid.includes('//Pod/')) ??
      found.find(({ transport }) => transport === 'hbone') ??
      found[0]
    );
  }

  /** Members of a service, whether or not the service itself is known yet. */
  ofService(key: ServiceKey): readonly Workload[] {
    return this.#byService.get(key);
  }

  withHostname(namespace: string, hostname: string): Workload | undefined {
    return this.#byHostname.get(`${namespace}/${hostname}`)[0];
  }

  onNode(node: string): readonly Workload[] {
    return this.#byNode.get(node);
  }

  #eachKey(workload: Workload, visit: (index: IndexMap<Workload>, key: string) => void): void {
    // A host-network workload shares its address with others: it is reached by uid or service only.
    if (!workload.hostNetwork)
      for (const address of workload.addresses) visit(this.#byAddress, `${workload.network}/${address}`);
    for (const key of workload.services.keys()) visit(this.#byService, key);
    if (workload.hostname !== '') visit(this.#byHostname, `${workload.namespace}/${workload.hostname}`);
    if (workload.node !== '') visit(this.#byNode, workload.node);
  }
}
