import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** A candidate that has not answered for this long gets a rival. */
const hedgeMillis = 1000;
/** All candidates together have this long. */
const deadlineMillis = 3000;

/**
 * Tries candidates in order: the next one starts when the last has failed, or beside it when it is silent for a
 * second. The first to answer wins and the others are given up. Nothing of the client's bytes has been read yet, so
 * every earlier failure may be tried again elsewhere. Rejects with the first error when all have failed.
 */
export function race<C, R>(
  candidates: readonly C[],
  attempt: (candidate: C, signal: AbortSignal) => Promise<R>,
  clock: Clock,
  discard: (late: R) => void,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const aborts: AbortController[] = [];
    const errors: Error[] = [];
    let next = 0;
    let over = false;
    let hedge: Timer | undefined;
    const finish = (act: () => void) => {
      over = true;
      hedge?.cancel();
      deadline.cancel();
      act();
    };
    const deadline = clock.after(deadlineMillis, () =>
      finish(() => {
        for (const abort of aborts) abort.abort();
        reject(errors[0] ?? new CodedError('NO_ANSWER', `no candidate answered within ${deadlineMillis} ms`));
      }),
    );
    const startNext = () => {
      const candidate = candidates[next];
      if (over || candidate === undefined) return;
      next++;
      const abort = new AbortController();
      aborts.push(abort);
      hedge?.cancel();
      hedge = clock.after(hedgeMillis, startNext);
      attempt(candidate, abort.signal).then(
        (result) => {
          if (over) return discard(result);
          finish(() => {
            for (const other of aborts) if (other !== abort) other.abort();
            resolve(result);
          });
        },
        (error: unknown) => {
          errors.push(error instanceof Error ? error : new Error(String(error)));
          if (over) return;
          if (errors.length === candidates.length)
            finish(() => reject(errors[0] ?? new Error('no candidate')));
          else if (next < candidates.length) startNext();
        },
      );
    };
    startNext();
  });
}
