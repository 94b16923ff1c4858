import type { Random } from '@isthmus/mesh/process/random.ts';
import { ApiFailure } from './api-failure.ts';

/** Milliseconds, doubled up to `max`. */
const first = 200;
const max = 30_000;

/**
 * Milliseconds before a call to the API server is made again, after so many that failed before this one: 0.2 s doubled up
 * to 30 s, and what the server asks for where that is longer. Half of it is drawn, so that clients that failed together do
 * not return together.
 */
export function waitBefore(attempt: number, error: unknown, random: Random): number {
  const most = Math.min(max, first * 2 ** Math.min(attempt, 20));
  const asked = error instanceof ApiFailure ? (error.retryAfterMillis ?? 0) : 0;
  return Math.max(asked, most / 2 + (random.fraction() * most) / 2);
}
