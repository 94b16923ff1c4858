import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { maxReplicas } from './agent-links.ts';

/** An agent that restarts, or whose connection was cut, replaces its own link once; two of one name do it by turns. */
export const toleratedTakeovers = 2;
/** Takeovers further apart than this are of one agent that comes back, milliseconds: two take turns every 3 s at most. */
export const takeoverMillis = 60_000;

interface Takeovers {
  readonly count: number;
  readonly timer: Timer;
}

/** Finds replicas of clusters that two agents claim to be: each time that one connects, it ends the link of the other. */
export class Duplicates {
  readonly #clock: Clock;
  readonly #onChange: (cluster: string, replicas: readonly string[]) => void;
  /** By cluster and replica, those of the last minute. */
  readonly #byCluster = new Map<string, Map<string, Takeovers>>();

  /** `onChange`: these replicas of the cluster are claimed twice now, sorted. */
  constructor(clock: Clock, onChange: (cluster: string, replicas: readonly string[]) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** A link of the replica, which still stood, was replaced by a newer one. */
  replaced(cluster: string, replica: string): void {
    const ofCluster = this.#byCluster.get(cluster) ?? new Map<string, Takeovers>();
    const before = ofCluster.get(replica);
    if (!before && ofCluster.size >= maxReplicas) return;
    this.#byCluster.set(cluster, ofCluster);
    before?.timer.cancel();
    const timer = this.#clock.after(takeoverMillis, () => this.#forget(cluster, replica));
    const count = (before?.count ?? 0) + 1;
    ofCluster.set(replica, { count, timer });
    if (count === toleratedTakeovers + 1) this.#tell(cluster);
  }

  #forget(cluster: string, replica: string): void {
    const ofCluster = this.#byCluster.get(cluster);
    const count = ofCluster?.get(replica)?.count ?? 0;
    ofCluster?.delete(replica);
    if (ofCluster?.size === 0) this.#byCluster.delete(cluster);
    if (count > toleratedTakeovers) this.#tell(cluster);
  }

  #tell(cluster: string): void {
    const all = [...(this.#byCluster.get(cluster) ?? [])];
    const twice = all.filter(([, { count }]) => count > toleratedTakeovers).map(([replica]) => replica);
    this.#onChange(cluster, twice.sort());
  }
}
