import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import { touches } from '../observation/change-set.ts';
import { untilStored } from '../command/until-stored.ts';
import type { Live } from '../state/live.ts';
import { activationDue } from './activation.ts';
import { activateIntermediate } from './commands.ts';
import { membersChanged, PendingIntermediates } from './pending.ts';

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** Longest wait for something that is due, milliseconds: the wall clock may be set meanwhile. */
const maxWait = 60 * 60_000;

/**
 * Activates intermediates as soon as every cluster whose acknowledgement is required has acknowledged them, until the
 * signal aborts. What becomes due by time alone has a timer.
 */
export function watchActivation({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  const pending = new PendingIntermediates(live.current);
  const underWay = new Set<string>();
  let timer: Timer | undefined;
  const run = async (keyId: string) => {
    const cluster = live.current.intent.intermediates.get(keyId)?.value.cluster;
    const reason = 'every cluster that is not away has acknowledged it';
    const outcome = await untilStored(() => runner.run(activateIntermediate, { keyId }, byHub(reason)), {
      clock,
      signal,
    });
    if (outcome.ok) log.info({ cluster, keyId }, 'intermediate activated');
    else log.error({ keyId, error: outcome.errors[0]?.message ?? '' }, 'intermediate not activated');
  };
  const activate = (keyIds: Iterable<string>) => {
    for (const keyId of keyIds) {
      if (underWay.has(keyId) || !pending.isReady(keyId, live.current, clock.now())) continue;
      underWay.add(keyId);
      run(keyId)
        .catch((error: unknown) => log.error({ keyId, error: String(error) }, 'intermediate not activated'))
        .finally(() => underWay.delete(keyId));
    }
  };
  const wait = () => {
    timer?.cancel();
    const now = clock.now();
    const due = activationDue(pending.all(live.current), live.current, now);
    const later = () => {
      activate(pending.keyIds);
      wait();
    };
    timer = due === undefined ? undefined : clock.after(Math.min(due - now, maxWait), later);
  };
  const stop = live.onChange((changes, now) => {
    activate(pending.follow(changes, now));
    // An acknowledgement makes nothing due earlier.
    const mayBeDueEarlier = changes.links.size > 0 || touches(changes, 'intermediate');
    if (mayBeDueEarlier || membersChanged(changes, now).size > 0) wait();
  });
  const end = () => {
    stop();
    timer?.cancel();
  };
  signal.addEventListener('abort', end, { once: true });
  activate(pending.keyIds);
  wait();
}
