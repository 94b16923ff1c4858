import { ChangeSet, type Stored } from '../keys/change-set.ts';
import type { Touched, TouchedKind } from '../keys/touched.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { authorization } from './authorizations.ts';
import { Derived, type Step } from './derivation.ts';
import { distribution } from './distribution.ts';
import { endpoint } from './endpoint.ts';
import { EndpointCounts } from './endpoint-counts.ts';
import { networkGateway } from './network-gateways.ts';
import { part, PartCounts } from './part.ts';
import { ConvertedPeers, demands } from './peer-authentications.ts';
import { policies } from './policies.ts';
import { service } from './services.ts';
import { slice } from './slices.ts';
import { LiveSnapshot, type ClusterSnapshot } from './snapshot.ts';
import { bundle, intermediate } from './trust.ts';
import { verdict } from './verdict.ts';
import { withdrawn } from './withdrawn.ts';
import { workload } from './workloads.ts';
import type { Facts, HubQueries, Outputs, World } from './world.ts';

interface Sources {
  readonly view: ClusterView;
  readonly hub: HubQueries;
  readonly facts: Facts;
}

/** A key that reaches more keys of a derivation than this is wide: those after them are walked later. */
const narrow = 200;

/**
 * What proxies and the hub get, derived from the cluster's objects, the hub's resources and what proxies prove. A change
 * costs what it reaches.
 */
export class Pipeline {
  readonly #world: World;
  readonly #steps: readonly Step[];
  /** The steps that read a kind of key, by their places. */
  readonly #readers = new Map<TouchedKind, readonly number[]>();

  readonly #narrow: number;

  constructor(sources: Sources, limits: { readonly narrow: number } = { narrow }) {
    this.#narrow = limits.narrow;
    const parts = new PartCounts();
    const converted = new ConvertedPeers();
    const counts = new EndpointCounts();
    const snapshot = new LiveSnapshot();
    const partOf = new Derived(part, parts);
    const judged = new Derived(verdict, sources.facts.health);
    const demandsOf = new Derived(demands, converted);
    const policiesOf = new Derived(policies);
    const endpointOf = new Derived(endpoint, counts.ofPods);
    const sliceOf = new Derived(slice, counts.ofSlices);
    const distributionOf = new Derived(distribution);
    const derived: Outputs = {
      part: (pod) => partOf.get(pod),
      partCounts: () => parts.counts,
      anySidecar: () => parts.anySidecar,
      judged: (pod) => judged.get(pod),
      demands: (namespace) => demandsOf.get(namespace),
      converted: (name) => converted.get(name),
      policies: (pod) => policiesOf.get(pod),
      endpoint: (pod) => endpointOf.get(pod),
      slice: (name) => sliceOf.get(name),
      groups: (of) => counts.groups(of),
      identities: (of) => counts.identities(of),
      distribution: (of) => distributionOf.get(of),
      snapshot,
    };
    this.#world = { ...sources, derived };
    // Each reads outputs of those before it.
    this.#steps = [
      partOf,
      judged,
      demandsOf,
      policiesOf,
      endpointOf,
      sliceOf,
      distributionOf,
      new Derived(networkGateway),
      new Derived(workload),
      new Derived(withdrawn),
      new Derived(service),
      new Derived(authorization),
      new Derived(bundle),
      new Derived(intermediate),
    ];
    for (const [place, { reads }] of this.#steps.entries())
      for (const kind of reads) this.#readers.set(kind, [...(this.#readers.get(kind) ?? []), place]);
  }

  /** Its maps are changed in place by `all` and `update`. */
  get snapshot(): ClusterSnapshot {
    return this.#world.derived.snapshot;
  }

  get outputs(): Outputs {
    return this.#world.derived;
  }

  /** How many keys were evaluated since the start, by the name of the derivation. */
  get evaluations(): ReadonlyMap<string, number> {
    return new Map(this.#steps.map(({ name, evaluations }) => [name, evaluations]));
  }

  /** Evaluates every key; gives all that differs. */
  all(): ChangeSet {
    for (const step of this.#steps) step.wakeAll(this.#world);
    return this.#run(new ChangeSet(), Infinity);
  }

  /** Evaluates what was reached; gives what was touched, with all that differs in consequence. */
  update(changes: ChangeSet): ChangeSet {
    return this.#update(changes, Infinity);
  }

  /** As `update`, but for what something wide reaches: that waits to be walked. */
  updateNarrow(changes: ChangeSet): ChangeSet {
    return this.#update(changes, this.#narrow);
  }

  /** Something waits to be walked. */
  get isWalking(): boolean {
    return this.#steps.some(({ waiting }) => waiting > 0);
  }

  /** Evaluates so many of the keys that wait; gives all that differs. */
  walk(most: number): ChangeSet {
    let left = most;
    for (const step of this.#steps) left -= step.wakeWaiting(left);
    return this.#run(new ChangeSet(), this.#narrow);
  }

  #update(changes: ChangeSet, most: number): ChangeSet {
    for (const touched of changes) this.#wake(touched, changes.formsOf(touched), most);
    return this.#run(changes, most);
  }

  #run(changes: ChangeSet, most: number): ChangeSet {
    const all = new ChangeSet();
    all.merge(changes);
    for (const [place, step] of this.#steps.entries())
      for (const touched of step.run(this.#world)) {
        all.add(touched);
        this.#wake(touched, [], most, place);
      }
    return all;
  }

  /** `after`: those that come later alone, as no derivation touches what an earlier one reads. */
  #wake(touched: Touched, forms: readonly Stored[], most: number, after = -1): void {
    for (const place of this.#readers.get(touched.kind) ?? [])
      if (place > after) this.#steps[place]?.wake(touched, forms, this.#world, most);
  }
}
