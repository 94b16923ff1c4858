import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';

/** So many times as fast as time: waits between attempts take up to half a minute. What time of day it is stays true. */
export const hurriedClock = (times: number): Clock => ({
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * times,
  after: (delay, run) => systemClock.after(delay / times, run),
});
