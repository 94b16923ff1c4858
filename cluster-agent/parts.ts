import type { WorkloadIssuer } from './ca/issuer.ts';
import type { ClusterHealth } from './health/cluster-health.ts';
import type { ChangeSet } from './keys/change-set.ts';
import type { Leadership } from './leader/leadership.ts';
import type { HubLinks } from './link/hub-links.ts';
import type { ReplicaExchange } from './replicas/replica-exchange.ts';
import type { HubStore } from './link/hub-store.ts';
import type { Renewals } from './link/renewals.ts';
import type { DueTimes } from './publish/due-times.ts';
import type { ClusterRuntime } from './runtime/cluster-runtime.ts';
import type { Journal } from './state/journal.ts';
import type { AgentStatus } from './telemetry/status.ts';
import type { ClusterView } from './view/cluster-view.ts';
import type { XdsServer } from './xds/server.ts';

/** The parts of an agent that are started and stopped. */
export interface Parts {
  readonly view: ClusterView;
  readonly runtime: ClusterRuntime;
  readonly hubState: Journal;
  readonly hub: HubStore;
  readonly issuer: WorkloadIssuer;
  readonly health: ClusterHealth;
  readonly xds: XdsServer;
  readonly leadership: Leadership;
  /** Undefined: there are no other replicas. */
  readonly exchange: ReplicaExchange | undefined;
  readonly link: HubLinks;
  readonly status: AgentStatus;
  readonly renewals: Renewals;
  readonly due: DueTimes;
  /** Another replica has written these files of the state folder. */
  readonly taken: (files: readonly string[]) => void;
  /** Publishes what changed. */
  readonly publish: (changes: ChangeSet) => void;
}
