import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

export interface Traffic {
  readonly sent: number;
  readonly failed: number;
  /** Sends nothing until `resume`; what is open goes on. */
  pause(): void;
  resume(): void;
  stop(): void;
}

/** Visits the shop's door five times a second, each visit touching every service; failures are counted, not retried. */
export function steadyTraffic(doorUrl: string, clock: Clock, every = 200): Traffic {
  let timer: Timer | undefined;
  let paused = false;
  const state = {
    ...{ sent: 0, failed: 0 },
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    stop: () => timer?.cancel(),
  };
  const visit = async () => {
    state.sent++;
    const response = await fetch(doorUrl, { signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    if (response.status !== 200) state.failed++;
  };
  const tick = () => {
    if (!paused) visit().catch(() => state.failed++);
    timer = clock.after(every, tick);
  };
  tick();
  return state;
}
