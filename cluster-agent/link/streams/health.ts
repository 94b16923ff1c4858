import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import type { Timer } from '@isthmus/mesh/process/clock.ts';
import type { LinkDeps } from '../link-deps.ts';
import type { LinkStream, StreamKind } from '../stream-kind.ts';
import { WholeHealth } from '../whole-health.ts';

const healthEvery = 5000;

/** Health as it is at the moment when there is room for it: at once, every five seconds, and when it has changed. */
class HealthReports implements LinkStream<HealthAnswer> {
  readonly #deps: LinkDeps;
  readonly #pump: Pump<HealthReport>;
  readonly #whole = new WholeHealth();
  #isDue = false;
  #sequence = 0;
  #next: Timer | undefined;

  constructor(call: ClientDuplexStream<HealthReport, HealthAnswer>, deps: LinkDeps) {
    this.#deps = deps;
    this.#pump = new Pump(call, () => this.#report());
    this.#beat();
  }

  hear({ sequence }: HealthAnswer): void {
    this.#whole.acknowledged(sequence);
  }

  send(): void {
    this.#isDue = true;
    this.#pump.wake();
  }

  stop(): void {
    this.#pump.stop();
    this.#next?.cancel();
  }

  #report(): HealthReport | undefined {
    if (!this.#isDue) return undefined;
    this.#isDue = false;
    const { clock } = this.#deps;
    const sequence = ++this.#sequence;
    const report = { ...this.#deps.health(), sequence, sentAt: clock.now(), unreadable: [] };
    return this.#whole.next(report, clock.monotonic());
  }

  #beat(): void {
    this.send();
    this.#next = this.#deps.clock.after(healthEvery, () => this.#beat());
  }
}

export const healthStream: StreamKind<HealthAnswer, HealthReport, HealthReports> = {
  method: 'health',
  isHeard: false,
  open: (_session, call, { deps }) => new HealthReports(call, deps),
};
