import assert from 'node:assert/strict';
import { timeScaleOf } from '@isthmus/mesh/process/time-scale.ts';

/** Slow machines are allowed this many times as much: ISTHMUS_TIME_SCALE. */
export const timeScale = timeScaleOf(process.env);

/** Prints measured against bound, and fails when it is over. Milliseconds. */
export function within(what: string, measured: number, bound: number): void {
  console.log(`      ${what}: ${Math.round(measured)} ms, bound ${bound * timeScale} ms`);
  assert.ok(
    measured <= bound * timeScale,
    `${what} took ${Math.round(measured)} ms, more than ${bound * timeScale} ms`,
  );
}

export const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));
