import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { ProxyError } from '../proxy-error.ts';

/** A candidate that has not answered for this long gets a rival. */
const hedgeMillis = 1000;
/** All candidates together have this long. */
const deadlineMillis = 3000;

interface HedgedDial<C, R> {
  readonly candidates: readonly C[];
  readonly attempt: (candidate: C, signal: AbortSignal) => Promise<R>;
  readonly clock: Clock;
  /** Aborts when nobody waits for an answer any more: then it rejects with the signal's reason. */
  readonly gone: AbortSignal;
  /** A result that came after another had won. */
  readonly discard: (late: R) => void;
  /** An error that is an answer: nobody else is asked. */
  readonly isAnswer: (error: unknown) => boolean;
  /** Asked before each candidate but the first; those that may not be tried are as if they were not there. */
  readonly mayRetry: () => boolean;
  /** A candidate that had not answered when its rival was started, or when time was over. */
  readonly onSilent: (candidate: C) => void;
}

const silence = new ProxyError('NO_ANSWER', `no candidate answered within ${deadlineMillis} ms`);

const errorOf = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/**
 * Tries candidates in order: the next one starts when the last has failed, or beside it when it is silent for a
 * second. The first to answer wins and the others are given up. Nothing of the client's bytes has been read yet, so
 * every earlier failure may be tried again elsewhere. Rejects with an error that is an answer, or with the first error when
 * all that may be tried have failed.
 */
export function hedgedDial<C, R>(options: HedgedDial<C, R>): Promise<R> {
  const { candidates, attempt, clock, gone, discard, isAnswer, mayRetry, onSilent } = options;
  return new Promise((resolve, reject) => {
    const running = new Map<C, AbortController>();
    const errors: Error[] = [];
    let next = 0;
    let over = false;
    let hedge: Timer | undefined;
    const finish = (settle: () => void) => {
      over = true;
      hedge?.cancel();
      deadline.cancel();
      gone.removeEventListener('abort', giveUp);
      for (const abort of running.values()) abort.abort();
      settle();
    };
    const deadline = clock.after(deadlineMillis, () => {
      for (const silent of running.keys()) onSilent(silent);
      finish(() => reject(errors[0] ?? silence));
    });
    const giveUp = () => finish(() => reject(gone.reason as Error));
    gone.addEventListener('abort', giveUp, { once: true });
    const startNext = () => {
      const candidate = candidates[next];
      if (over || candidate === undefined) return;
      if (next > 0 && !mayRetry()) {
        next = candidates.length;
        return;
      }
      next++;
      hedge?.cancel();
      const abort = new AbortController();
      running.set(candidate, abort);
      hedge = clock.after(hedgeMillis, () => {
        if (running.has(candidate)) onSilent(candidate);
        startNext();
      });
      attempt(candidate, abort.signal).then(
        (result) => {
          running.delete(candidate);
          if (over) discard(result);
          else finish(() => resolve(result));
        },
        (error: unknown) => {
          running.delete(candidate);
          const failure = errorOf(error);
          errors.push(failure);
          if (over) return;
          if (isAnswer(error)) return finish(() => reject(failure));
          startNext();
          if (running.size === 0) finish(() => reject(errors[0] ?? failure));
        },
      );
    };
    if (gone.aborted) giveUp();
    else if (candidates.length === 0)
      finish(() => reject(new ProxyError('NO_ANSWER', 'there is no candidate')));
    else startNext();
  });
}
