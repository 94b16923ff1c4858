/** How long after its publication a key that is touched again counts as repeating, milliseconds. */
export const repeatingMillis = 40;

/** How long what repeats, or comes in waves, is delayed: the first time, the second ... and from the last one on. */
export const delaysMillis: readonly number[] = [20, 40, 80, 100];

/** So many flushes may begin within so many milliseconds; the next one waits. */
export const flushesAtOnce = 4;
export const flushesMillis = 20;

/** A wave is over when a flush that waited took fewer keys than this. */
export const waveKeys = 10;

/** The delay of the nth time, from 0. */
export const delayOf = (nth: number): number => delaysMillis[Math.min(nth, delaysMillis.length - 1)] ?? 0;
