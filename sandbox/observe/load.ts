import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
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

/**
 * `count` connections to the plain TCP store that stay open, on which `perSecond` words in all are put, in turns.
 * A kept connection that ends before `stop` is a failure.
 */
export class KeptLoad {
  readonly served: Served[] = [];
  readonly failures: Failed[] = [];
  readonly #sockets: Socket[] = [];
  readonly #aim: Aim;
  readonly #clock: Clock;
  readonly #every: number;
  #timer: Timer | undefined;
  #turn = 0;
  #stopped = false;

  constructor(aim: Aim, perSecond: number, clock: Clock) {
    this.#aim = aim;
    this.#clock = clock;
    this.#every = 1000 / perSecond;
  }

  async start(count: number): Promise<this> {
    await Promise.all(Array.from({ length: count }, () => this.#open()));
    this.#tick();
    return this;
  }

  /** Opens connections that only have to stay: resolves when the proxies have carried each to its server. */
  async openOnly(count: number): Promise<this> {
    await Promise.all(Array.from({ length: count }, () => this.#openSilently()));
    return this;
  }

  stop(): LoadResult {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const socket of this.#sockets) socket.destroy();
    return { served: this.served, failures: this.failures };
  }

  /** Resolves when the greeting has come, so that what follows is about a kept connection only. */
  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...this.#aim, noDelay: true });
      this.#sockets.push(socket);
      socket.on('error', (error) => this.#ended(error.message, reject));
      socket.on('close', () => this.#ended('closed', reject));
      const lines = createInterface({ input: socket }).on('error', () => undefined);
      lines.on('line', (line) => {
        if (line.endsWith('ready')) resolve();
        else this.served.push({ at: this.#clock.monotonic(), cluster: line.split(' ')[0] ?? '' });
      });
    });
  }

  /** An HTTP keep-alive connection: one request is answered, then it stays. */
  #openSilently(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...this.#aim, noDelay: true });
      this.#sockets.push(socket);
      socket.on('error', (error) => reject(error));
      socket.on('close', () => this.#ended('closed', reject));
      socket.once('data', () => resolve());
      socket.write('GET / HTTP/1.1\r\nhost: shop\r\n\r\n');
    });
  }

  #ended(message: string, reject: (error: Error) => void): void {
    const at = this.#clock.monotonic();
    if (!this.#stopped) this.failures.push({ at, known: at, message });
    reject(new Error(message));
  }

  #tick(): void {
    const socket = this.#sockets[this.#turn++ % this.#sockets.length];
    if (socket?.writable) socket.write('put word\n');
    this.#timer = this.#clock.after(this.#every, () => this.#tick());
  }
}
