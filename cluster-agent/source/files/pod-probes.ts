import type { Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { Prober } from './prober.ts';

interface Deps {
  readonly probes: readonly Probe[];
  /** What is known of the pod already. */
  readonly ready: boolean;
  readonly ask: (probe: Probe) => Promise<boolean>;
  readonly clock: Clock;
  /** Milliseconds between two questions until a probe has succeeded once. */
  readonly startMillis: number;
  readonly onReady: (ready: boolean) => void;
  /** Each probe has been asked once. */
  readonly onAsked: () => void;
}

/** The probes of one pod: it is ready when each of them has succeeded. */
export class PodProbes {
  readonly #probers: readonly Prober[];
  readonly #ready: boolean[];
  readonly #asked = new Set<number>();
  #reported: boolean;

  constructor({ probes, ready, ask, clock, startMillis, onReady, onAsked }: Deps) {
    this.#ready = probes.map(() => ready);
    this.#reported = ready;
    this.#probers = probes.map(
      (probe, i) =>
        new Prober({
          probe,
          ready,
          ask: () => ask(probe),
          clock,
          startMillis,
          onReady: (well) => this.#turn(i, well, onReady),
          onAnswer: () => {
            if (this.#asked.size === probes.length) return;
            this.#asked.add(i);
            if (this.#asked.size === probes.length) onAsked();
          },
        }),
    );
  }

  stop(): void {
    for (const prober of this.#probers) prober.stop();
  }

  #turn(index: number, well: boolean, onReady: (ready: boolean) => void): void {
    this.#ready[index] = well;
    const ready = this.#ready.every((one) => one);
    if (ready === this.#reported) return;
    this.#reported = ready;
    onReady(ready);
  }
}
