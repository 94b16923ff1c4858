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
  /** Where the cluster runs is degraded in another way than when this was asked last. */
  readonly hasNewConditions: () => boolean;
  readonly clock: Clock;
}

/** All that an agent does because its time has come. */
export const dueWorks = (parts: Parts): readonly DueWork[] => {
  const { renewals, health, views, publisher, runtime, hasNewConditions, clock } = parts;
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
    every('conditions', clock, 1000, () => {
      if (hasNewConditions()) publisher.touchKey({ kind: 'sourceConditions' });
    }),
    ...runtime.upkeep,
  ];
};
