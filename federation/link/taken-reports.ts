import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Acknowledgements } from '../observation/acknowledgements.ts';
import { Pace } from './pace.ts';
import { Reports } from './reports.ts';

/** What outlives a cluster's links: what its agents have reported, and how fast. */
export interface Taken {
  readonly reports: Reports;
  readonly pace: Pace;
}

/** By cluster, what its agent had reported before the hub started. */
export interface RestoredReports {
  readonly reports: ReadonlyMap<string, Reports>;
  /** What is shared by all clusters, those that were restored and those to come. */
  readonly shared: Acknowledgements;
}

/** The reports of every cluster. */
export class TakenReports {
  readonly #clock: Clock;
  readonly #limits: ClusterLimits;
  readonly #shared: Acknowledgements;
  readonly #byCluster = new Map<string, Taken>();

  constructor(clock: Clock, limits: ClusterLimits, { reports: restored, shared }: RestoredReports) {
    this.#clock = clock;
    this.#limits = limits;
    this.#shared = shared;
    for (const [cluster, reports] of restored) this.#byCluster.set(cluster, this.#with(reports));
  }

  /** Clusters of which something is kept. */
  get size(): number {
    return this.#byCluster.size;
  }

  of(cluster: string): Taken {
    const known = this.#byCluster.get(cluster);
    if (known) return known;
    const taken = this.#with(new Reports(this.#limits, this.#shared));
    this.#byCluster.set(cluster, taken);
    return taken;
  }

  /** For a cluster that is no longer known. */
  forget(cluster: string): void {
    this.#byCluster.delete(cluster);
  }

  #with(reports: Reports): Taken {
    return { reports, pace: new Pace(this.#clock, this.#limits.reportsPerSecond) };
  }
}
