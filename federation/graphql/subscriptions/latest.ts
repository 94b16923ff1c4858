/** What a subscription gives. */
export interface Source<T> {
  /** Begins to call `wake` when there may be something to give; gives what ends that. */
  start(wake: () => void): () => void;
  /** What there is to give now; undefined: nothing until the next wake. */
  take(): T | undefined;
  /** Nothing follows this one. */
  isLast?(value: T): boolean;
}

/**
 * Gives what a source has, as fast as its reader takes it. Nothing queues here: a slow reader gets the latest of what came
 * meanwhile. It ends at once when its reader leaves, also while it waits.
 */
export function latest<T>(source: Source<T>): AsyncIterableIterator<T> {
  let wake = () => undefined as void;
  let isOver = false;
  const stop = source.start(() => wake());
  const end = (): Promise<IteratorResult<T>> => {
    if (!isOver) stop();
    isOver = true;
    wake();
    return Promise.resolve({ done: true, value: undefined });
  };
  const next = async (): Promise<IteratorResult<T>> => {
    while (!isOver) {
      const value = source.take();
      if (value !== undefined) {
        if (source.isLast?.(value)) await end();
        return { done: false, value };
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
    return { done: true, value: undefined };
  };
  const iterator: AsyncIterableIterator<T> = { next, return: end, [Symbol.asyncIterator]: () => iterator };
  return iterator;
}
