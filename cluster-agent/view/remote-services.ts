import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { Gateway } from '@isthmus/api/domain/report.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import { equals } from '../keys/equals.ts';
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

  /** Touches gateways that it names no more, or did not name, or names in another form. */
  replace(before: RemoteService | undefined, after: RemoteService | undefined, changes: ChangeSet): void {
    const [were, are] = [gatewaysOf(before), gatewaysOf(after)];
    if (before) this.#change(before, were, 'delete', changes);
    if (after) this.#change(after, are, 'add', changes);
    for (const uid of new Set([...were.keys(), ...are.keys()]))
      if (!equals(were.get(uid), are.get(uid))) changes.add({ kind: 'networkGateway', uid });
  }

  #change(
    remote: RemoteService,
    gateways: ReadonlyMap<WorkloadUid, Gateway>,
    how: 'add' | 'delete',
    changes: ChangeSet,
  ): void {
    const service = serviceKeyOf(remote);
    this.#ofService[how](service, remote);
    this.#inNamespace[how](remote.namespace, remote);
    changes.add({ kind: 'remotes', service });
    for (const uid of gateways.keys()) this.#ofGateway[how](uid, remote);
  }
}

const gatewaysOf = (remote: RemoteService | undefined): ReadonlyMap<WorkloadUid, Gateway> =>
  new Map(remote?.gateways.map((gateway) => [networkGatewayUid(gateway), gateway]));

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
