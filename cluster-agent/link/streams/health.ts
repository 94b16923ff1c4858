import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { HealthSource } from '../../publish/health-source.ts';
import type { HubSession } from '../hub-session.ts';
import type { LinkDeps } from '../link-deps.ts';
import { SentHealth } from '../sent-health.ts';
import type { LinkStream, StreamKind } from '../stream-kind.ts';

const healthEvery = 5000;

/** Health as it is at the moment when there is room for it: at once, every five seconds, and when it has changed. */
class HealthReports implements LinkStream<HealthAnswer> {
  readonly #clock: Clock;
  readonly #pump: Pump<HealthReport>;
  readonly #sent: SentHealth;
  #isDue = false;
  #next: Timer | undefined;

  constructor(
    call: ClientDuplexStream<HealthReport, HealthAnswer>,
    { health, clock }: Pick<LinkDeps, 'health' | 'clock'>,
  ) {
    this.#clock = clock;
    this.#sent = new SentHealth(health, clock);
    this.#pump = new Pump(call, () => this.#report());
    this.#beat();
  }

  hear(answer: HealthAnswer): void {
    if (this.#sent.hear(answer)) this.#send();
  }

  /** The counts of these services are others now; undefined: those of any; none: something else is. */
  changed(services: Iterable<ServiceKey> | undefined): void {
    this.#sent.touch(services);
    this.#send();
  }

  stop(): void {
    this.#pump.stop();
    this.#next?.cancel();
  }

  #send(): void {
    this.#isDue = true;
    this.#pump.wake();
  }

  #report(): HealthReport | undefined {
    if (!this.#isDue) return undefined;
    this.#isDue = false;
    return this.#sent.next();
  }

  #beat(): void {
    this.#send();
    this.#next = this.#clock.after(healthEvery, () => this.#beat());
  }
}

/** A replica that does not lead says only that it is there. */
const ofLeader = (
  session: Pick<HubSession, 'leads'>,
  { health, replica }: Pick<LinkDeps, 'health' | 'replica'>,
): HealthSource => ({
  get isListed() {
    return session.leads && replica.leads() && health.isListed;
  },
  get pulse() {
    return health.pulse;
  },
  all: () => health.all(),
  of: (service) => health.of(service),
});

export const healthStream: StreamKind<HealthAnswer, HealthReport, HealthReports> = {
  method: 'health',
  isHeard: false,
  open: (session, call, { deps }) =>
    new HealthReports(call, { health: ofLeader(session, deps), clock: deps.clock }),
};
