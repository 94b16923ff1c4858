import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import { networkGatewayUid, serviceKeyOf, type ServiceKey, type WorkloadUid } from '../keys/names.ts';
import { Sets } from './sets.ts';

/** What other clusters have of services, by service, namespace and gateway. */
export class RemoteServices {
  readonly #ofService = new Lists<ServiceKey>();
  readonly #ofGateway = new Lists<WorkloadUid>();
  readonly #inNamespace = new Sets<string, RemoteService>();

  /** In order of the clusters' names. A copy, which stays as it is. */
  of(service: ServiceKey): readonly RemoteService[] {
    return [...this.#ofService.get(service)];
  }

  keys(): Iterable<ServiceKey> {
    return this.#ofService.keys();
  }

  inNamespace(namespace: string): Iterable<RemoteService> {
    return this.#inNamespace.get(namespace);
  }

  gateways(): Iterable<WorkloadUid> {
    return this.#ofGateway.keys();
  }

  /** Those that name the gateway, in order of their clusters' names. */
  *naming(gateway: WorkloadUid): Iterable<RemoteService> {
    yield* this.#ofGateway.get(gateway);
  }

  replace(before: RemoteService | undefined, after: RemoteService | undefined, changes: ChangeSet): void {
    if (before) this.#change(before, 'delete', changes);
    if (after) this.#change(after, 'add', changes);
  }

  #change(remote: RemoteService, how: 'add' | 'delete', changes: ChangeSet): void {
    const service = serviceKeyOf(remote);
    this.#ofService[how](service, remote);
    this.#inNamespace[how](remote.namespace, remote);
    changes.add({ kind: 'remotes', service });
    for (const gateway of remote.gateways) {
      const uid = networkGatewayUid(gateway);
      this.#ofGateway[how](uid, remote);
      changes.add({ kind: 'networkGateway', uid });
    }
  }
}

const none: readonly never[] = [];

/** Lists in order of the clusters' names, by key. A list that becomes empty is dropped. */
class Lists<Key> {
  readonly #lists = new Map<Key, RemoteService[]>();

  get(key: Key): readonly RemoteService[] {
    return this.#lists.get(key) ?? none;
  }

  keys(): Iterable<Key> {
    return this.#lists.keys();
  }

  add(key: Key, remote: RemoteService): void {
    const list = this.#lists.get(key) ?? [];
    const at = placeOf(list, remote);
    if (list[at] !== remote) list.splice(at, 0, remote);
    this.#lists.set(key, list);
  }

  delete(key: Key, remote: RemoteService): void {
    const list = this.#lists.get(key) ?? [];
    const at = placeOf(list, remote);
    if (list[at] === remote) list.splice(at, 1);
    if (list.length === 0) this.#lists.delete(key);
  }
}

const byCluster = (a: RemoteService, b: RemoteService): number =>
  compareText(a.cluster, b.cluster) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);

/** Where a remote service is, or belongs, in a list that is in order. */
function placeOf(inOrder: readonly RemoteService[], remote: RemoteService): number {
  let [from, to] = [0, inOrder.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const one = inOrder[middle];
    if (one && byCluster(one, remote) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
