import type { AskAgent } from '@isthmus/api/domain/question.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { CommandRunner } from '../command/run.ts';
import type { Plans } from '../failover/plans.ts';
import type { Finding } from '../insights/finding.ts';
import type { Insights } from '../insights/insights.ts';
import type { Live } from '../state/live.ts';
import type { Now } from '../state/now.ts';
import type { ShownClusters } from './subscriptions/shown-clusters.ts';
import type { Store } from '../store/store.ts';

/** What the API is made of; the same for every request. */
export interface ApiDeps {
  readonly live: Live;
  readonly store: Store;
  readonly runner: CommandRunner;
  readonly plans: Plans;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly ask: AskAgent;
  readonly shownClusters: ShownClusters;
  readonly insights: Insights;
  /** What the hub itself lacks now. */
  readonly ofHub: () => readonly Finding[];
}

/** What a caller may be. One exists until workspaces bring more. */
export type Role = 'ADMIN';

/** One request: who asks, and the snapshot that all of its answer is made from. */
export interface RequestContext extends ApiDeps {
  readonly viewer: string;
  readonly roles: readonly Role[];
  readonly snapshot: Now;
}
