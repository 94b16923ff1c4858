import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { ancestors, isAlive, startedBy } from './ancestors.ts';

/** The processes that asked for this one, from its parent up; empty when they are gone already. */
export function family(env: NodeJS.ProcessEnv): ReturnType<typeof ancestors> {
  const command = env[startedBy];
  return ancestors(command === undefined ? undefined : Number(command));
}

/** Aborts when this program is to end: it was signalled, or one of its family or the reader of its output is gone. */
export function lifeline(clock: Clock, members: ReturnType<typeof family>): AbortSignal {
  const over = new AbortController();
  const end = (why: string) => over.abort(new Error(why));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(signal));
  // The user can no longer see what runs here; what is written after this is lost.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    end(brokenPipe);
  });
  process.stderr.on('error', () => undefined);
  const watch = () => {
    if (members?.every((one) => isAlive(one))) clock.after(500, watch);
    else end('who started this is gone');
  };
  watch();
  return over.signal;
}

const brokenPipe =
  'the reader of standard output has closed it, so everything was stopped: to run without a reader, redirect to a file (> up.log)';

/** The reason of the end, for the user; undefined if the user ended it. */
export const complaintOf = ({ reason }: AbortSignal): string | undefined =>
  reason instanceof Error && reason.message === brokenPipe ? brokenPipe : undefined;

/** Rejects with the signal's reason once it aborts. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
