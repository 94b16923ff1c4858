/** Milliseconds of the machine's monotonic clock, which all processes share (clock_gettime(2), CLOCK_MONOTONIC). */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
