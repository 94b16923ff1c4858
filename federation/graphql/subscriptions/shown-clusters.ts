import { areSameConditions, type Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { conditionsTouchedBy, shownBy } from '../../conditions/shown.ts';
import type { Live } from '../../state/live.ts';
import type { Revision } from '../../store/store.ts';
import { clusterView, withAges, type ClusterView } from '../types/cluster.ts';

/** What a cluster's view rests on. Two views of one brief differ in ages at most. */
export interface ClusterBrief {
  /** Of the cluster itself. */
  readonly revision: Revision;
  /** Another one when what is observed of it and shown is another. */
  readonly stamp: number;
  readonly conditions: readonly Condition[];
}

interface Shown {
  readonly brief: ClusterBrief;
  readonly view: ClusterView;
}

export const areAlike = (one: ClusterBrief | undefined, other: ClusterBrief): boolean =>
  one?.revision === other.revision &&
  one.stamp === other.stamp &&
  areSameConditions(one.conditions, other.conditions);

type Listener = (clusters: ReadonlySet<ClusterName>) => void;

/**
 * Clusters as subscriptions show them. A change names those that it may concern, and the view of each of these is made
 * once for all subscribers. Costs nothing while nobody has subscribed.
 */
export class ShownClusters {
  readonly #live: Live;
  readonly #listeners = new Set<Listener>();
  readonly #stamps = new Map<ClusterName, number>();
  readonly #shown = new Map<ClusterName, Shown>();
  #stop: (() => void) | undefined;
  #stamp = 0;
  /** Views that were made, for tests. */
  made = 0;

  constructor(live: Live) {
    this.#live = live;
  }

  get names(): Iterable<ClusterName> {
    return this.#live.current.index.clusters;
  }

  /** Calls with the clusters that may be shown otherwise; gives what takes the listener away. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#stop ??= this.#follow();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#rest();
    };
  }

  /** Undefined: there is no such cluster. */
  of(cluster: ClusterName): Shown | undefined {
    const now = this.#live.current;
    const stored = now.intent.clusters.get(cluster);
    if (!stored) return undefined;
    const known = this.#shown.get(cluster);
    if (known?.brief.revision === stored.revision)
      return { brief: known.brief, view: withAges(known.view, now.observed.get(cluster)) };
    this.made++;
    const view = clusterView(now, stored);
    const brief = {
      revision: stored.revision,
      stamp: this.#stamps.get(cluster) ?? 0,
      conditions: view.conditions,
    };
    this.#shown.set(cluster, { brief, view });
    return { brief, view };
  }

  #follow(): () => void {
    return this.#live.onChange((changes, now) => {
      const shown = shownBy(changes);
      for (const cluster of shown) this.#stamps.set(cluster, ++this.#stamp);
      const all = new Set([...shown, ...conditionsTouchedBy(changes, now)]);
      for (const cluster of all) this.#shown.delete(cluster);
      for (const cluster of changes.forgotten) this.#stamps.delete(cluster);
      if (all.size > 0) for (const listener of [...this.#listeners]) listener(all);
    });
  }

  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#shown.clear();
    this.#stamps.clear();
  }
}
