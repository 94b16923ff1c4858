import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { CommandRunner } from './command/run.ts';
import { watchExpiry } from './failover/expiry.ts';
import { watchOperations } from './failover/watch.ts';
import { watchFirstExports } from './policy/first-exports.ts';
import { watchNetworks } from './registry/network.ts';
import { watchSweep } from './registry/sweep.ts';
import type { Live } from './state/live.ts';
import { watchRemoval } from './state/removal.ts';
import type { Store } from './store/store.ts';
import { watchActivation } from './trust/watch-activation.ts';

interface Deps {
  readonly live: Live;
  readonly store: Store;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the hub does by itself as intent, observation and time change, until the signal aborts. */
export function watchState(deps: Deps, signal: AbortSignal): void {
  watchActivation(deps, signal);
  watchRemoval(deps);
  watchNetworks(deps, signal);
  watchFirstExports(deps, signal);
  watchExpiry(deps, signal);
  watchSweep(deps, signal);
  watchOperations(deps, signal);
}
