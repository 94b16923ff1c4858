import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { sleep } from '@isthmus/mesh/process/clock.ts';
import type { Aim, Failed, LoadResult, Served } from './load.ts';

/** A word may be this late when the load is stopped. */
const graceMillis = 2000;

/** One connection to the store that stays open. */
export interface KeptConnection {
  /** Of the store that took it. */
  readonly cluster: string;
  /** When it ended, if it did before the load was stopped, on the load's clock. */
  readonly endedAt: number | undefined;
}

/**
 * Connections to the plain TCP store that stay open, on which `perSecond` words in all are put, in turns. What ends
 * before `stop` is a failure, and so is a word that is not answered.
 */
export class KeptLoad {
  readonly served: Served[] = [];
  readonly failures: Failed[] = [];
  readonly #open: Kept[] = [];
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

  /** Resolves when each connection has been greeted, so that what follows is about kept connections only. */
  async start(count: number): Promise<this> {
    await Promise.all(Array.from({ length: count }, () => this.#connect()));
    this.#tick();
    return this;
  }

  /** The same, and opens more, up to `max`, until there are `enough`: who serves each is the proxies' choice. */
  async startUntil(
    enough: (connections: readonly KeptConnection[]) => boolean,
    { atOnce = 12, max = 240 } = {},
  ): Promise<this> {
    await this.start(atOnce);
    while (!enough(this.connections()) && this.#open.length < max) await this.#connect();
    return this;
  }

  connections(): readonly KeptConnection[] {
    return this.#open.map(({ cluster, endedAt }) => ({ cluster, endedAt }));
  }

  /** Puts no more words, waits for answers that are due, and closes. */
  async stop(): Promise<LoadResult> {
    this.#timer?.cancel();
    const until = this.#clock.monotonic() + graceMillis;
    const waiting = () => this.#open.some(({ unanswered }) => unanswered.length > 0);
    while (waiting() && this.#clock.monotonic() < until) await sleep(this.#clock, 20);
    this.#stopped = true;
    for (const { socket, unanswered } of this.#open) {
      socket.destroy();
      for (const at of unanswered) this.#fail(at, 'a word was not answered');
    }
    return { served: this.served, failures: this.failures };
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const kept: Kept = {
        socket: connect({ ...this.#aim, noDelay: true }),
        cluster: '',
        unanswered: [],
        endedAt: undefined,
      };
      this.#open.push(kept);
      let why = 'closed';
      kept.socket.on('error', (error) => (why = error.message));
      kept.socket.on('close', () => {
        reject(new Error(why));
        if (!this.#stopped) this.#lose(kept, why);
      });
      const lines = createInterface({ input: kept.socket }).on('error', () => undefined);
      lines.on('line', (line) => {
        const greeted = /^store \S+ in (\S+) ready$/.exec(line)?.[1];
        if (greeted === undefined) return this.#hear(kept, line);
        kept.cluster = greeted;
        resolve();
      });
    });
  }

  #hear({ unanswered }: Kept, line: string): void {
    const at = unanswered.shift() ?? this.#clock.monotonic();
    this.served.push({ at, cluster: line.split(' ')[0] ?? '' });
  }

  #lose(kept: Kept, why: string): void {
    kept.endedAt = this.#clock.monotonic();
    this.#fail(kept.endedAt, why);
    for (const at of kept.unanswered.splice(0)) this.#fail(at, 'a word was not answered');
  }

  #fail(at: number, message: string): void {
    this.failures.push({ at, known: this.#clock.monotonic(), message });
  }

  #tick(): void {
    const kept = this.#open[this.#turn++ % this.#open.length];
    if (kept?.socket.writable) {
      kept.unanswered.push(this.#clock.monotonic());
      kept.socket.write('put word\n');
    }
    this.#timer = this.#clock.after(this.#every, () => this.#tick());
  }
}

interface Kept {
  readonly socket: Socket;
  readonly unanswered: number[];
  cluster: string;
  endedAt: number | undefined;
}
