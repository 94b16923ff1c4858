/** What came of a measurement that may take only so long. */
export type Outcome<T> = { readonly kind: 'measured'; readonly value: T } | Unmeasured;

type Unmeasured =
  { readonly kind: 'late'; readonly seconds: number } | { readonly kind: 'failed'; readonly reason: string };

/**
 * Runs `measure` for at most `seconds`. Its signal aborts then, and what it gives later is dropped. Never rejects,
 * except with the reason of `stop`, as soon as that aborts.
 */
export async function within<T>(
  seconds: number,
  stop: AbortSignal,
  measure: (signal: AbortSignal) => Promise<T>,
): Promise<Outcome<T>> {
  stop.throwIfAborted();
  const over = new AbortController();
  const late = Promise.withResolvers<Outcome<T>>();
  const timer = setTimeout(() => late.resolve({ kind: 'late', seconds }), seconds * 1000);
  const stopped = () => late.reject(stop.reason as Error);
  stop.addEventListener('abort', stopped, { once: true });
  try {
    return await Promise.race([late.promise, outcomeOf(measure(over.signal))]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', stopped);
    over.abort(new Error('its time is over'));
  }
}

const outcomeOf = <T>(measured: Promise<T>): Promise<Outcome<T>> =>
  measured.then(
    (value) => ({ kind: 'measured', value }),
    (error: unknown) => ({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );

/** What stands in the table. */
export function textOf(outcome: Outcome<string>): string {
  switch (outcome.kind) {
    case 'measured':
      return outcome.value;
    case 'late':
      return `not within ${outcome.seconds} s`;
    case 'failed':
      return `failed: ${outcome.reason}`;
  }
}
