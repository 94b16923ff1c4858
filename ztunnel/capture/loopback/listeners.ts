import { createServer, type Server, type Socket } from 'node:net';
import { isLoopback } from '@isthmus/mesh/net/cidr.ts';
import { tuned } from '@isthmus/mesh/net/node/tuned.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { PlanChange, Wanted } from './plan.ts';

interface Hooks {
  readonly onConnection: (socket: Socket, wanted: Wanted) => void;
  /** A port could not be bound: the others work, and this one is tried again. Called once for each reason. */
  readonly onProblem: (wanted: Wanted, problem: string, code: string) => void;
  /** A port that could not be bound before is bound now, or is not wanted any more. */
  readonly onSolved: (wanted: Wanted) => void;
  /** Injected, so that a test can say what a machine would. */
  readonly bind: Bind;
  readonly clock: Clock;
}

export type Bind = (server: Server, address: string, port: number) => void;

/** One worker has the port to itself; several share it, and the kernel spreads connections over them. */
export const bindSocket =
  (workers: number): Bind =>
  (server, host, port) =>
    void server.listen(
      workers > 1 ? { host, port, reusePort: true, backlog: 511 } : { host, port, exclusive: true },
    );

interface Entry {
  wanted: Wanted;
  readonly server: Server;
  state: 'opening' | 'open';
}

const retryMillis = 1000;

/** Keeps the open listeners equal to the wanted ones. */
export class Listeners {
  readonly #hooks: Hooks;
  readonly #entries = new Map<string, Entry>();
  /** What could not be bound, and why. */
  readonly #problems = new Map<string, { readonly wanted: Wanted; readonly problem: string }>();
  readonly #wanted = new Map<string, Wanted>();
  #retry: Timer | undefined;
  #settled: (() => void)[] = [];
  /** Entries that are not open yet, and those that are. */
  #opening = 0;
  #open = 0;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** Opens, closes, or gives another meaning to the places that are named; the others stay as they are. */
  change(changes: PlanChange): void {
    for (const [key, wanted] of changes)
      if (wanted) this.#want(key, wanted);
      else this.#drop(key);
    this.#settle();
  }

  /** Resolves when every wanted listener is open or known not to open. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      this.#settle();
    });
  }

  close(): void {
    for (const key of [...this.#wanted.keys()]) this.#drop(key);
    this.#retry?.cancel();
    this.#settle();
  }

  get size(): number {
    return this.#open;
  }

  #want(key: string, wanted: Wanted): void {
    this.#wanted.set(key, wanted);
    const known = this.#entries.get(key);
    if (known) known.wanted = wanted;
    else this.#add(key, wanted);
  }

  #drop(key: string): void {
    this.#wanted.delete(key);
    this.#solved(key);
    this.#entries.get(key)?.server.close();
    this.#remove(key);
  }

  #add(key: string, wanted: Wanted): void {
    if (!isLoopback(wanted.address))
      return this.#problem(
        key,
        wanted,
        'NOT_LOOPBACK: loopback capture serves 127.0.0.0/8 only',
        'NOT_LOOPBACK',
      );
    // Half-open, as each direction of a connection ends by itself; paused, as the first bytes may belong to TLS.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const entry: Entry = { wanted, server, state: 'opening' };
    server.on('connection', (socket) => this.#hooks.onConnection(tuned(socket), entry.wanted));
    server.on('listening', () => {
      if (this.#entries.get(key) !== entry) return;
      entry.state = 'open';
      this.#opening--;
      this.#open++;
      this.#solved(key);
      this.#settle();
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#entries.get(key) !== entry) return;
      this.#remove(key);
      this.#problem(key, entry.wanted, explain(error, wanted.port), error.code ?? 'UNKNOWN');
      this.#later();
    });
    this.#entries.set(key, entry);
    this.#opening++;
    this.#hooks.bind(server, wanted.address, wanted.port);
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry || !this.#entries.delete(key)) return;
    if (entry.state === 'open') this.#open--;
    else this.#opening--;
  }

  #problem(key: string, wanted: Wanted, problem: string, code: string): void {
    if (this.#problems.get(key)?.problem !== problem) this.#hooks.onProblem(wanted, problem, code);
    this.#problems.set(key, { wanted, problem });
    this.#settle();
  }

  #solved(key: string): void {
    const known = this.#problems.get(key);
    if (known && this.#problems.delete(key)) this.#hooks.onSolved(known.wanted);
  }

  /** A port may be in use for a moment only, by the process that this one replaces. */
  #later(): void {
    this.#retry ??= this.#hooks.clock.after(retryMillis, () => {
      this.#retry = undefined;
      this.change(new Map([...this.#problems.keys()].map((key) => [key, this.#wanted.get(key)])));
    });
  }

  #settle(): void {
    if (this.#opening > 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }
}

function explain({ code = '', message }: NodeJS.ErrnoException, port: number): string {
  if (code === 'EACCES')
    return `PORT_NOT_CAPTURABLE: port ${port} needs root, or sysctl net.ipv4.ip_unprivileged_port_start=${port}`;
  return `PORT_NOT_CAPTURABLE: ${message}`;
}
