import type { Live } from '../../state/live.ts';

/** Yields again after each change of the snapshot; changes that come while the reader is busy are one. */
async function* moments(live: Live): AsyncGenerator<void> {
  let wake: (() => void) | undefined;
  let changed = true;
  const stop = live.onChange(() => {
    changed = true;
    wake?.();
  });
  try {
    for (;;) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
      yield;
    }
  } finally {
    stop();
  }
}

/** Each value once until it is another. Nothing queues: a slow reader gets the latest of what came meanwhile. */
export async function* whenDifferent<T>(
  live: Live,
  look: () => readonly (readonly [string, T])[],
): AsyncGenerator<T> {
  let last: ReadonlyMap<string, string> = new Map();
  const again = moments(live);
  try {
    while (!(await again.next()).done) {
      const now = look().map(([key, value]) => ({ key, value, text: JSON.stringify(value, plainMaps) }));
      const different = now.filter(({ key, text }) => last.get(key) !== text);
      // What is gone is forgotten, so that it is yielded when it comes back.
      last = new Map(now.map(({ key, text }) => [key, text]));
      for (const { value } of different) yield value;
    }
  } finally {
    await again.return(undefined);
  }
}

/** JSON has no maps: without this a change within one would not be seen. */
const plainMaps = (_key: string, value: unknown): unknown => (value instanceof Map ? [...value] : value);
