import { request } from 'node:http';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** One answered call: when it was sent, and the cluster that answered. */
export interface Served {
  readonly at: number;
  readonly cluster: string;
}

/** One call that failed: when it was sent, and when that was known. */
export interface Failed {
  readonly at: number;
  readonly known: number;
  readonly message: string;
}

export interface LoadResult {
  readonly served: readonly Served[];
  readonly failures: readonly Failed[];
}

/** Where a load comes from and goes to: a pod's address, and a VIP of that pod's proxy. */
export interface Aim {
  readonly localAddress: string;
  readonly host: string;
  readonly port: number;
}

/** Open-loop load: `perSecond` fresh connections with one HTTP request each, no retries, until `stop`. */
export class FreshLoad {
  readonly served: Served[] = [];
  readonly failures: Failed[] = [];
  readonly #aim: Aim;
  readonly #clock: Clock;
  readonly #every: number;
  readonly #open = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #next = 0;

  constructor(aim: Aim, perSecond: number, clock: Clock) {
    this.#aim = aim;
    this.#clock = clock;
    this.#every = 1000 / perSecond;
  }

  start(): this {
    this.#next = this.#clock.monotonic();
    this.#tick();
    return this;
  }

  /** Stops sending, waits for what is open, and gives all results. */
  async stop(): Promise<LoadResult> {
    this.#timer?.cancel();
    await Promise.all(this.#open);
    return { served: this.served, failures: this.failures };
  }

  /** Sends what has fallen due, so that a late timer does not lower the rate. */
  #tick(): void {
    for (; this.#next <= this.#clock.monotonic(); this.#next += this.#every) this.#send();
    this.#timer = this.#clock.after(Math.max(0, this.#next - this.#clock.monotonic()), () => this.#tick());
  }

  #send(): void {
    const at = this.#clock.monotonic();
    const one = once(this.#aim)
      .then((cluster) => void this.served.push({ at, cluster }))
      .catch(
        (error: unknown) =>
          void this.failures.push({ at, known: this.#clock.monotonic(), message: String(error) }),
      )
      .finally(() => this.#open.delete(one));
    this.#open.add(one);
  }
}

/** One HTTP request on a connection of its own; gives the cluster that answered. */
export function once({ localAddress, host, port }: Aim, path = '/', timeout = 8000): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ localAddress, host, port, path, agent: false, timeout }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode ?? 0}: ${text}`));
        else resolve((JSON.parse(text) as { cluster: string }).cluster);
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeout} ms`)));
    outgoing.on('error', reject).end();
  });
}
