import { isPodUid } from '../records/workload-uid.ts';
import { Backing, type Where } from './backing.ts';
import { IndexMap } from './index-map.ts';
import { first } from './preference.ts';
import type { ServiceKey } from '../records/service.ts';
import type { Workload, WorkloadUid } from '../records/workload.ts';

/** Workloads by uid, with what finds them. `insert` and `remove` alone write, and keep every index in step. */
export class WorkloadStore {
  readonly #byUid = new Map<WorkloadUid, Workload>();
  readonly #byAddress = new IndexMap<Workload>();
  readonly #byBareAddress = new IndexMap<Workload>();
  readonly #gateways = new IndexMap<Workload>();
  readonly #byService = new IndexMap<Workload>();
  readonly #byHostname = new IndexMap<Workload>();
  readonly #byNode = new IndexMap<Workload>();
  readonly #byPolicy = new IndexMap<Workload>();
  readonly #backing = new Backing();

  /** Puts a workload in, or in the place of the one of its uid. Gives back the one that it replaces. */
  insert(workload: Workload): Workload | undefined {
    const replaced = this.remove(workload.uid);
    this.#byUid.set(workload.uid, workload);
    this.#eachKey(workload, (index, key) => index.add(key, workload));
    this.#backing.count(workload, 1);
    return replaced;
  }

  remove(uid: WorkloadUid): Workload | undefined {
    const workload = this.#byUid.get(uid);
    if (!workload) return undefined;
    this.#byUid.delete(uid);
    this.#eachKey(workload, (index, key) => index.delete(key, workload));
    this.#backing.count(workload, -1);
    return workload;
  }

  get(uid: WorkloadUid): Workload | undefined {
    return this.#byUid.get(uid);
  }

  all(): Iterable<Workload> {
    return this.#byUid.values();
  }

  get size(): number {
    return this.#byUid.size;
  }

  /** Of several workloads at one address a pod is preferred, then one that speaks HBONE, as upstream does. */
  atAddress(network: string, address: string): Workload | undefined {
    return first(this.#byAddress.get(`${network}/${address}`), [isPod, speaksHbone], ({ uid }) => uid);
  }

  /** All workloads at an address, of whatever network; those of the host network too. */
  anywhereAt(address: string): readonly Workload[] {
    return this.#byBareAddress.get(address);
  }

  /** An east-west gateway of the network has this address. */
  isGateway(network: string, address: string): boolean {
    return this.#gateways.has(`${network}/${address}`);
  }

  /**
   * Members of a service, whether or not the service itself is known: workloads may come before their services, and
   * a service that is replaced keeps its members, as they say themselves where they belong.
   */
  ofService(key: ServiceKey): readonly Workload[] {
    return this.#byService.get(key);
  }

  /** Whether a service has any member, healthy or not, of `where.cluster` and `where.network`; one that is left out may be any. */
  isBacked(key: ServiceKey, where: Where = {}): boolean {
    return this.#backing.isAny(key, where);
  }

  withHostname(namespace: string, hostname: string): Workload | undefined {
    return first(this.#byHostname.get(`${namespace}/${hostname}`), [isPod, speaksHbone], ({ uid }) => uid);
  }

  onNode(node: string): readonly Workload[] {
    return this.#byNode.get(node);
  }

  /** Workloads that name a policy. */
  naming(policy: string): readonly Workload[] {
    return this.#byPolicy.get(policy);
  }

  #eachKey(workload: Workload, visit: (index: IndexMap<Workload>, key: string) => void): void {
    // A host-network workload shares its address with others: it is reached by uid or service only.
    if (!workload.hostNetwork)
      for (const address of workload.addresses) visit(this.#byAddress, `${workload.network}/${address}`);
    for (const address of workload.addresses) {
      visit(this.#byBareAddress, address);
      if (workload.eastWestGateway) visit(this.#gateways, `${workload.network}/${address}`);
    }
    for (const key of workload.services.keys()) visit(this.#byService, key);
    for (const key of workload.authorizationPolicies) visit(this.#byPolicy, key);
    if (workload.hostname !== '') visit(this.#byHostname, `${workload.namespace}/${workload.hostname}`);
    if (workload.node !== '') visit(this.#byNode, workload.node);
  }
}

const isPod = ({ uid }: Workload): boolean => isPodUid(uid);
const speaksHbone = ({ transport }: Workload): boolean => transport === 'hbone';
