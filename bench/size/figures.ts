import { quantile } from '../quantile.ts';

/** `15.2`, `1,220`: three digits that count. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

/** `15 / 50 ms` of times in milliseconds; how many there were when they are few. */
export function fiftyAndNinetyNine(times: readonly number[]): string {
  const few = times.length < 100 ? ` (${times.length} times)` : '';
  return `${figure(quantile(times, 0.5))} / ${figure(quantile(times, 0.99))} ms${few}`;
}

export const megabytes = (bytes: number): string => `${figure(bytes / 1e6)} MB`;

export const seconds = (millis: number): string => `${figure(millis / 1000)} s`;
