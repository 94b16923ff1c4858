import type { Live } from '@isthmus/mesh/decide/live.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload, WorkloadUid } from '@isthmus/mesh/records/workload.ts';

/** A connection as it is indexed and judged. */
export interface Entry {
  readonly live: Live;
  /** It is a session: other connections end with it. */
  readonly isSession: boolean;
  /** The generation of the deltas at its last verdict. */
  judged: number;
}

/** What is known of a destination: as much as decides which deltas its arrivals wait for. */
type Served = Pick<Workload, 'cluster' | 'namespace' | 'authorizationPolicies' | 'services'>;

/** A local pod with arrivals. */
interface Destination<E> {
  readonly uid: WorkloadUid;
  readonly entries: Set<E>;
  /** Of callers of other clusters that named no service: the grants of all that the pod backs cover them. */
  readonly byGrant: Set<E>;
  served: Served;
}

const unknown: Served = { cluster: '', namespace: '', authorizationPolicies: [], services: new Map() };

/** Several values under one key. A key without values is gone. */
class Groups<V> {
  readonly #sets = new Map<string, Set<V>>();

  add(key: string, value: V): void {
    const known = this.#sets.get(key);
    if (known) known.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: string, value: V): void {
    const known = this.#sets.get(key);
    if (known?.delete(value) && known.size === 0) this.#sets.delete(key);
  }

  get(key: string): Iterable<V> {
    return this.#sets.get(key) ?? [];
  }

  get size(): number {
    return this.#sets.size;
  }
}

/** Live connections by what their verdicts read: one map for each kind of cause. */
export class ConnectionIndex<E extends Entry> {
  readonly #servedBy: (uid: WorkloadUid) => Served | undefined;
  readonly #byIssuer = new Groups<E>();
  readonly #sessionsByIssuer = new Groups<E>();
  readonly #bySource = new Groups<E>();
  readonly #byOutbound = new Groups<E>();
  readonly #byNamed = new Groups<E>();
  readonly #destinations = new Map<WorkloadUid, Destination<E>>();
  readonly #byPolicy = new Groups<Destination<E>>();
  readonly #byNamespace = new Groups<Destination<E>>();
  readonly #byBacked = new Groups<Destination<E>>();

  /** `servedBy`: the workload of a uid as it is now. */
  constructor(servedBy: (uid: WorkloadUid) => Served | undefined) {
    this.#servedBy = servedBy;
  }

  add(entry: E): void {
    const { inbound } = entry.live;
    this.#eachKey(entry, (group, key) => group.add(key, entry));
    if (!inbound) return;
    const destination = this.#destinations.get(inbound.workload) ?? this.#begin(inbound.workload);
    destination.entries.add(entry);
    if (needsGrant(entry, destination.served)) destination.byGrant.add(entry);
  }

  delete(entry: E): void {
    const { inbound } = entry.live;
    this.#eachKey(entry, (group, key) => group.delete(key, entry));
    const destination = inbound && this.#destinations.get(inbound.workload);
    if (!destination) return;
    destination.entries.delete(entry);
    destination.byGrant.delete(entry);
    if (destination.entries.size > 0) return;
    this.#destinations.delete(destination.uid);
    this.#unlist(destination);
  }

  /** Destinations whose policies, namespace or services may be others now. To be called before `touchedBy`. */
  follow({ workloads }: Touched): void {
    for (const uid of workloads) {
      const destination = this.#destinations.get(uid);
      if (!destination) continue;
      this.#unlist(destination);
      // Of one that is gone nothing is read; if it comes again, it is touched again.
      const { cluster } = destination.served;
      destination.served = this.#servedBy(uid) ?? unknown;
      this.#list(destination);
      if (destination.served.cluster !== cluster) grantAgain(destination);
    }
  }

  /**
   * Those whose issuer is another than it was: before anything else. Sessions come after what they carry, which would be
   * ended with them before anybody has said why.
   */
  *issuedBy(issuers: ReadonlySet<string>): Iterable<E, undefined> {
    for (const keyId of issuers) yield* this.#byIssuer.get(keyId);
    for (const keyId of issuers) yield* this.#sessionsByIssuer.get(keyId);
  }

  /** Those whose verdict reads something that was touched. One may come more than once. */
  *touchedBy(touched: Touched): Iterable<E, undefined> {
    for (const uid of touched.workloads) yield* this.#destinations.get(uid)?.entries ?? [];
    for (const address of touched.sources) yield* this.#bySource.get(address);
    for (const key of touched.left) yield* this.#byOutbound.get(key);
    for (const key of touched.granted) {
      yield* this.#byNamed.get(key);
      for (const { byGrant } of this.#byBacked.get(key)) yield* byGrant;
    }
    for (const namespace of touched.exports)
      for (const { byGrant } of this.#byNamespace.get(namespace)) yield* byGrant;
    for (const key of touched.policies) for (const { entries } of this.#byPolicy.get(key)) yield* entries;
    for (const scope of touched.scopes)
      for (const { entries } of scope === '' ? this.#destinations.values() : this.#byNamespace.get(scope))
        yield* entries;
  }

  /** How many keys and destinations have connections; for tests. */
  get size(): number {
    const groups = [this.#byIssuer, this.#sessionsByIssuer, this.#bySource, this.#byOutbound, this.#byNamed];
    const ofDestinations = [this.#byPolicy, this.#byNamespace, this.#byBacked, this.#destinations];
    return [...groups, ...ofDestinations].reduce((sum, { size }) => sum + size, 0);
  }

  #eachKey({ live, isSession }: E, visit: (group: Groups<E>, key: string) => void): void {
    const { peer, inbound, outbound } = live;
    if (peer) visit(isSession ? this.#sessionsByIssuer : this.#byIssuer, peer.issuerKeyId);
    if (outbound) visit(this.#byOutbound, outbound.service);
    if (!inbound) return;
    if (!peer) visit(this.#bySource, inbound.sourceAddress);
    else if (inbound.service !== undefined) visit(this.#byNamed, inbound.service);
  }

  #begin(uid: WorkloadUid): Destination<E> {
    const served = this.#servedBy(uid) ?? unknown;
    const destination = { uid, entries: new Set<E>(), byGrant: new Set<E>(), served };
    this.#destinations.set(uid, destination);
    this.#list(destination);
    return destination;
  }

  #list(destination: Destination<E>): void {
    const { namespace, authorizationPolicies, services } = destination.served;
    this.#byNamespace.add(namespace, destination);
    for (const key of authorizationPolicies) this.#byPolicy.add(key, destination);
    for (const key of services.keys()) this.#byBacked.add(key, destination);
  }

  #unlist(destination: Destination<E>): void {
    const { namespace, authorizationPolicies, services } = destination.served;
    this.#byNamespace.delete(namespace, destination);
    for (const key of authorizationPolicies) this.#byPolicy.delete(key, destination);
    for (const key of services.keys()) this.#byBacked.delete(key, destination);
  }
}

/** A caller of the workload's own cluster needs none, and one that named a service needs that one's. */
const needsGrant = ({ live: { peer, inbound } }: Entry, { cluster }: Served): boolean =>
  peer !== undefined && peer.cluster !== cluster && inbound?.service === undefined;

function grantAgain<E extends Entry>({ entries, byGrant, served }: Destination<E>): void {
  byGrant.clear();
  for (const entry of entries) if (needsGrant(entry, served)) byGrant.add(entry);
}
