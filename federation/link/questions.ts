import { HubError } from '../hub-error.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** Most questions that one agent is asked at once; the next is refused, not queued. */
const inFlight = 64;

interface Pending<A> {
  readonly resolve: (answer: A) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** Questions to one agent that await their replies. The agent dials, so it opened the stream that carries them. */
export class Questions<Q extends { id: string; deadlineMillis: number }, A> {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #send: (question: Q) => void;
  readonly #pending = new Map<string, Pending<A>>();

  constructor(clock: Clock, newId: () => string, send: (question: Q) => void) {
    this.#clock = clock;
    this.#newId = newId;
    this.#send = send;
  }

  /** Rejects with CLUSTER_BUSY, CLUSTER_SILENT after `deadlineMillis`, or what the agent said. */
  ask(question: (id: string, deadlineMillis: number) => Q, deadlineMillis = 5000): Promise<A> {
    if (this.#pending.size >= inFlight)
      return Promise.reject(
        new HubError('CLUSTER_BUSY', `${inFlight} questions await this cluster's answers: ask later`),
      );
    const id = this.#newId();
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(deadlineMillis, () =>
        this.#settle(id)?.reject(
          new HubError('CLUSTER_SILENT', `the agent did not answer within ${deadlineMillis} ms`),
        ),
      );
      this.#pending.set(id, { resolve, reject, timer });
      this.#send(question(id, deadlineMillis));
    });
  }

  /** A reply whose question is unknown came too late, and is dropped. */
  answer(id: string, answer: A): void {
    this.#settle(id)?.resolve(answer);
  }

  refuse(id: string, message: string): void {
    this.#settle(id)?.reject(new HubError('AGENT_REFUSED', message));
  }

  end(): void {
    for (const id of [...this.#pending.keys()])
      this.#settle(id)?.reject(new HubError('CLUSTER_UNREACHABLE', 'the link to this cluster has ended'));
  }

  #settle(id: string): Pending<A> | undefined {
    const pending = this.#pending.get(id);
    pending?.timer.cancel();
    this.#pending.delete(id);
    return pending;
  }
}
