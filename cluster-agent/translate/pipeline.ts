import { ChangeSet } from '../keys/change-set.ts';
import { formatTouched, type Touched, type TouchedKind } from '../keys/touched.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { authorization } from './authorizations.ts';
import { Derived, type Step, type Woken } from './derivation.ts';
import { distribution, type Distribution } from './distribution.ts';
import { endpoint } from './endpoint.ts';
import { EndpointCounts } from './endpoint-counts.ts';
import { networkGateway } from './network-gateways.ts';
import { part, PartCounts } from './part.ts';
import { ConvertedPeers, demands } from './peer-authentications.ts';
import { policies } from './policies.ts';
import { serviceEntry } from './service-entries.ts';
import { HealthInOrder, serviceHealth } from './service-health.ts';
import { service } from './services.ts';
import { slice } from './slices.ts';
import { LiveSnapshot, type ClusterSnapshot } from './snapshot.ts';
import { bundle, intermediate } from './trust.ts';
import { verdict } from './verdict.ts';
import { walkLimits, type WalkLimits } from './walks.ts';
import { withdrawn } from './withdrawn.ts';
import { workloadEntry } from './workload-entries.ts';
import { workload } from './workloads.ts';
import type { Facts, HubQueries, Outputs, World } from './world.ts';

interface Sources {
  readonly view: ClusterView;
  readonly hub: HubQueries;
  readonly facts: Facts;
}

/**
 * What proxies and the hub get, derived from the cluster's objects, the hub's resources and what proxies prove. A change
 * costs what it reaches.
 */
export class Pipeline {
  readonly #world: World;
  readonly #limits: WalkLimits;
  readonly #steps: readonly Step[];
  /** The steps that read a kind of key, by their places. */
  readonly #readers = new Map<TouchedKind, readonly number[]>();

  constructor(sources: Sources, limits = walkLimits) {
    this.#limits = limits;
    const parts = new PartCounts();
    const converted = new ConvertedPeers();
    const counts = new EndpointCounts();
    const health = new HealthInOrder();
    const snapshot = new LiveSnapshot();
    const partOf = new Derived(part, limits, parts);
    const judged = new Derived(verdict, limits, sources.facts.health);
    const demandsOf = new Derived(demands, limits, converted);
    const policiesOf = new Derived(policies, limits);
    const endpointOf = new Derived(endpoint, limits, counts.ofPods);
    const sliceOf = new Derived(slice, limits, counts.ofSlices);
    const distributionOf = new Derived(distribution, limits);
    /** By any text: what is no key of a service has none. */
    const distributions: { get(service: string): Distribution | undefined } = distributionOf;
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
      health: () => health.all,
      healthOf: (of) => health.of(of),
      distribution: (of) => distributions.get(of),
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
      new Derived(workloadEntry, limits, counts.ofWritten),
      new Derived(serviceEntry, limits, counts.ofWritten),
      new Derived(serviceHealth, limits, health),
      distributionOf,
      new Derived(networkGateway, limits),
      new Derived(workload, limits),
      new Derived(withdrawn, limits),
      new Derived(service, limits),
      new Derived(authorization, limits),
      new Derived(bundle, limits),
      new Derived(intermediate, limits),
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
    return this.#run(new ChangeSet(), Infinity, 0);
  }

  /**
   * Evaluates what was reached; gives what was touched, with all that differs in consequence. What reaches many keys is
   * left for `part`. `now`: monotonic milliseconds.
   */
  update(changes: ChangeSet, now: number): ChangeSet {
    const { narrow } = this.#limits;
    for (const touched of changes) this.#wake({ touched, forms: changes.formsOf(touched), at: now }, narrow);
    return this.#run(changes, narrow, now);
  }

  /** When a part of what reaches many keys may be evaluated, monotonic milliseconds; undefined: nothing is left. */
  get nextPart(): number | undefined {
    const times = this.#steps.flatMap(({ walks }) => walks.next ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Evaluates a part of it; gives all that differs. */
  part(now: number): ChangeSet {
    const { part, narrow } = this.#limits;
    let left = part;
    for (const step of this.#steps) left -= step.wakePart(left, now);
    return this.#run(new ChangeSet(), narrow, now);
  }

  /** Not all that a key reaches has been evaluated. */
  isWalking(key: Touched): boolean {
    return this.#isWalking(formatTouched(key));
  }

  /** The same of any key of a kind. */
  isWalkingAny(kind: TouchedKind): boolean {
    return this.#steps.some(({ walks }) => walks.hasKind(kind));
  }

  #isWalking(format: string): boolean {
    return this.#steps.some(({ walks }) => walks.has(format));
  }

  #run(changes: ChangeSet, narrow: number, now: number): ChangeSet {
    const all = new ChangeSet();
    all.merge(changes);
    const isWalking = (format: string) => this.#isWalking(format);
    for (const [place, step] of this.#steps.entries())
      for (const touched of step.run(this.#world, isWalking)) {
        all.add(touched);
        this.#wake({ touched, forms: [], at: now }, narrow, place);
      }
    return all;
  }

  /** `after`: those that come later alone, as no derivation touches what an earlier one reads. */
  #wake(woken: Woken, narrow: number, after = -1): void {
    for (const place of this.#readers.get(woken.touched.kind) ?? [])
      if (place > after) this.#steps[place]?.wake(woken, this.#world, narrow);
  }
}
