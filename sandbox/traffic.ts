import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

export interface Traffic {
  readonly sent: number;
  readonly failed: number;
  /** Sends nothing more until `resume`; resolves when what is under way has been answered. */
  pause(): Promise<void>;
  resume(): void;
  stop(): void;
}

/** Visits the shop five times a second, each visit touching every service; failures are counted, not retried. */
export function steadyTraffic(shopUrl: string, clock: Clock, every = 200): Traffic {
  const underWay = new Set<Promise<void>>();
  let timer: Timer | undefined;
  let paused = false;
  const state = {
    sent: 0,
    failed: 0,
    async pause() {
      paused = true;
      await Promise.all(underWay);
    },
    resume: () => void (paused = false),
    stop: () => timer?.cancel(),
  };
  const visit = async () => {
    state.sent++;
    try {
      const response = await fetch(shopUrl, { signal: AbortSignal.timeout(10_000) });
      await response.arrayBuffer();
      if (response.status !== 200) state.failed++;
    } catch {
      state.failed++;
    }
  };
  const tick = () => {
    if (!paused) {
      const one = visit().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    timer = clock.after(every, tick);
  };
  tick();
  return state;
}
