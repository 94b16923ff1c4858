import type { Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

interface Deps {
  readonly probe: Probe;
  /** What is known of the pod already. */
  readonly ready: boolean;
  /** Whether the application is well. Never rejects, and answers within the probe's timeout. */
  readonly ask: () => Promise<boolean>;
  readonly clock: Clock;
  /** Milliseconds between two questions until the first success, so that a start is noticed soon. */
  readonly startMillis: number;
  readonly onReady: (ready: boolean) => void;
  /** After every answer. */
  readonly onAnswer: () => void;
}

/** Asks again and again, as a kubelet would, and tells when readiness changes. */
export class Prober {
  readonly #deps: Deps;
  #timer: Timer | undefined;
  #ready: boolean;
  #streak = 0;
  #succeeded: boolean;
  #stopped = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#ready = deps.ready;
    this.#succeeded = deps.ready;
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    const { ask, clock, probe, startMillis, onAnswer } = this.#deps;
    void ask().then((well) => {
      if (this.#stopped) return;
      this.#count(well);
      this.#succeeded ||= well;
      const period = this.#succeeded ? probe.periodMillis : Math.min(startMillis, probe.periodMillis);
      this.#timer = clock.after(period, () => this.#tick());
      onAnswer();
    });
  }

  #count(well: boolean): void {
    this.#streak = well === this.#ready ? 0 : this.#streak + 1;
    const { failureThreshold, successThreshold } = this.#deps.probe;
    if (well === this.#ready || this.#streak < (well ? successThreshold : failureThreshold)) return;
    this.#ready = well;
    this.#streak = 0;
    this.#deps.onReady(well);
  }
}
