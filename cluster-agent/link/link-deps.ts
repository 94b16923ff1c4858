import type { Answer, Ask } from '@isthmus/api/domain/question.ts';
import type { ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import type { HealthSource } from '../publish/health-source.ts';
import type { HubEpochs } from './hub-epochs.ts';
import type { HubStore } from './hub-store.ts';
import type { LinkIdentity } from './identity.ts';

/** Which replica of the cluster's agent this is. */
export interface ReplicaRole {
  /** The pod's name; `main` in files mode. */
  readonly id: string;
  /** Whether it may report now. Asked before each report. */
  leads(): boolean;
}

/** What the link needs of the rest of the agent. */
export interface LinkDeps {
  readonly identity: LinkIdentity;
  readonly replica: ReplicaRole;
  readonly localAddress: string;
  readonly hubStore: HubStore;
  readonly epochs: HubEpochs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What goes up, by type; undefined while the agent itself has not finished listing. */
  reports(type: string): ProducedResources | undefined;
  readonly health: HealthSource;
  answer(ask: Ask): Promise<Answer>;
  /** The hub's view has changed: what of it, or nothing when it only became complete. */
  readonly onView: (changes: ChangeSet) => void;
}

/** What all links of an agent share. */
export interface LinkShared {
  readonly deps: LinkDeps;
  /** Of the agent's own life: the order of what it reports. */
  readonly systemVersion: { epoch: bigint; revision: bigint };
  /** Resources that came down since the start, by type: what a reconnect costs. */
  readonly received: Record<string, number>;
}
