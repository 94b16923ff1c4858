import type { Random } from '@isthmus/mesh/process/random.ts';

/** Full jitter: uniform between 0 and `first` doubled per attempt, at most `most`; milliseconds. */
export function backoff(attempt: number, random: Random, first = 100, max = 15_000): number {
  return random.fraction() * Math.min(max, first * 2 ** Math.min(attempt, 30));
}
