import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';

const first = 200;
const max = 30_000;

/**
 * Milliseconds before a call to the API server is made again: 0.2 s doubled up to 30 s, half of it drawn, and what the
 * server asks for where that is longer.
 */
export function waitBefore(attempt: number, error: unknown, random: Random): number {
  const most = Math.min(max, first * 2 ** Math.min(attempt, 30));
  const asked = error instanceof ApiFailure ? (error.retryAfterMillis ?? 0) : 0;
  return Math.max(asked, most / 2 + (random.fraction() * most) / 2);
}
