import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import type { Flooded, Job, Outcome } from '../job.ts';

const half = inRecords(helloMessage({ alpn: ['h2'] })).subarray(0, 20);
/** What is held at the end must be ended by the listener within this time, milliseconds. */
const patience = 60_000;

/**
 * Attacks one TLS listener with `connections` handshakes at once, from 64 addresses in turn. `whole` handshakes come to
 * their end and show no certificate; `half` send the first bytes of a hello and wait.
 */
export async function handshakeFlood(job: Job): Promise<Outcome> {
  const flood = new Flood(job);
  const begun = performance.now();
  for (let i = 0; i < job.connections; i++) flood.begin();
  const end = begun + job.seconds * 1000;
  while (performance.now() < end) await pause();
  flood.over = true;
  while (flood.held > 0 && performance.now() < end + patience) await pause();
  return { sessions: [], unopened: 0, millis: performance.now() - begun, flooded: flood.outcome() };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

class Flood {
  over = false;
  readonly #job: Job;
  readonly #open = new Set<Socket>();
  #made = 0;
  #begun = 0;
  #unconnected = 0;
  #longest = 0;
  #slowest = 0;

  constructor(job: Job) {
    this.#job = job;
  }

  get held(): number {
    return this.#open.size;
  }

  outcome(): Flooded {
    return {
      begun: this.#begun,
      held: this.held,
      longest: this.#longest,
      unconnected: this.#unconnected,
      slowest: this.#slowest,
    };
  }

  begin(): void {
    const { host, port, from, variant } = this.#job;
    const asked = performance.now();
    /** Time until the kernel has connected it, with SYNs that were sent again, is not the listener's. */
    let connected: number | undefined;
    const raw = connectTcp({ host, port, localAddress: `${from}.${1 + (this.#made++ % 64)}` });
    this.#open.add(raw);
    raw.on('error', () => undefined);
    raw.on('connect', () => {
      connected = performance.now();
      this.#begun++;
      this.#slowest = Math.max(this.#slowest, connected - asked);
      if (variant === 'half') raw.write(half);
    });
    if (variant === 'half') raw.resume();
    else
      connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
        .on('error', () => undefined)
        .resume();
    raw.once('close', () => {
      this.#open.delete(raw);
      if (connected === undefined) this.#unconnected++;
      else this.#longest = Math.max(this.#longest, performance.now() - connected);
      if (!this.over) setImmediate(() => this.begin());
    });
  }
}
