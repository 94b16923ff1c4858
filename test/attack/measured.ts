import { timeScaleOf } from '@isthmus/mesh/process/time-scale.ts';
import { atMost } from './bound.ts';

/** Slow machines are allowed this many times as much time: ISTHMUS_TIME_SCALE. Counts and MiB are not scaled. */
export const timeScale = timeScaleOf(process.env);

/** How long each attack lasts: ISTHMUS_ATTACK_SECONDS, 2 by default; from 30 on it is the long form. */
export const attackSeconds = secondsOf(process.env['ISTHMUS_ATTACK_SECONDS'] ?? '');

export const isLong = attackSeconds >= 30;

export const mebibyte = 1024 * 1024;

/** Milliseconds: prints measured against bound, scaled, and fails when it is over. */
export const withinMillis = (what: string, measured: number, bound: number): void =>
  atMost(what, measured, Math.round(bound * timeScale), ' ms');

function secondsOf(text: string): number {
  const seconds = text === '' ? 2 : Number(text);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new Error(`ISTHMUS_ATTACK_SECONDS is '${text}': give a number above 0, such as 30`);
}
