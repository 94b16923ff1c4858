import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ClusterHealth } from './cluster-health.ts';
import type { HubStore } from './link/hub-store.ts';
import type { Renewals } from './link/renewals.ts';
import { Deadlines } from './publish/deadlines.ts';
import { every, whileNeeded, type DueWork } from './publish/due-times.ts';
import type { Publisher } from './publish/publisher.ts';
import type { ClusterRuntime } from './runtime/cluster-runtime.ts';

interface Parts {
  readonly renewals: Renewals;
  readonly health: ClusterHealth;
  readonly views: HubStore;
  readonly publisher: Publisher;
  readonly runtime: ClusterRuntime;
  readonly reportCluster: () => void;
  readonly clock: Clock;
}

/** All that an agent does because its time has come. */
export const dueWorks = (parts: Parts): readonly DueWork[] => {
  const { renewals, health, views, publisher, runtime, reportCluster, clock } = parts;
  return [
    renewals,
    whileNeeded(
      'proofs',
      clock,
      () => health.isUnsaved,
      () => health.save(),
    ),
    whileNeeded(
      'hub state',
      clock,
      () => views.isUnsaved,
      () => views.save(),
    ),
    new Deadlines({
      diversions: () => views.view.diversions.values(),
      touch: (key) => publisher.touchKey(key),
      clock,
    }),
    every('cluster report', clock, 1000, reportCluster),
    ...runtime.upkeep,
  ];
};
