import { createServer } from 'node:net';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** Resolves with the code of the error that binding met, undefined when the port can be bound. */
export type TryBind = (port: number) => Promise<string | undefined>;

/** What of a failed bind tells something of the port, and not of the address or of the moment. */
const telling: ReadonlySet<string> = new Set(['EACCES', 'EADDRINUSE']);
const againMillis = 10_000;

interface Deps {
  readonly tryBind: TryBind;
  readonly clock: Clock;
  /** What `refused` says of a port has changed. */
  readonly onNews: (port: number) => void;
}

/**
 * Which ports of services the proxies of this machine cannot capture, found out by binding them: the limit on ports
 * without root may be lifted for a program, and somebody may hold a port on every address. A refused one is tried again.
 */
export class PortTrials {
  readonly #deps: Deps;
  /** Port to when it was last tried, monotonic milliseconds. */
  readonly #tried = new Map<number, number>();
  readonly #refused = new Map<number, string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Port to the code of the error that binding it meets. */
  get refused(): ReadonlyMap<number, string> {
    return this.#refused;
  }

  /** Tries what has not been tried yet, and what was refused ten seconds ago; forgets ports that nobody has any more. */
  look(ports: ReadonlySet<number>): void {
    const now = this.#deps.clock.monotonic();
    for (const port of this.#tried.keys())
      if (!ports.has(port)) {
        this.#tried.delete(port);
        this.#refused.delete(port);
      }
    for (const port of ports) {
      const last = this.#tried.get(port);
      const isDue = last === undefined || (this.#refused.has(port) && now - last >= againMillis);
      if (!isDue) continue;
      this.#tried.set(port, now);
      void this.#deps.tryBind(port).then((code) => this.#heard(port, code));
    }
  }

  /** When one that was refused is tried again; undefined when none was. */
  nextDue(): { readonly monotonic: number } | undefined {
    if (this.#refused.size === 0) return undefined;
    const tried = Array.from(this.#refused.keys(), (port) => this.#tried.get(port) ?? 0);
    return { monotonic: Math.min(...tried) + againMillis };
  }

  #heard(port: number, code: string | undefined): void {
    const refusal = code !== undefined && telling.has(code) ? code : undefined;
    if (!this.#tried.has(port) || this.#refused.get(port) === refusal) return;
    if (refusal === undefined) this.#refused.delete(port);
    else this.#refused.set(port, refusal);
    this.#deps.onNews(port);
  }
}

/** Binds at an address of the cluster's block that is never allocated, and closes at once. */
export const bindWithin =
  (block: string): TryBind =>
  (port) =>
    new Promise((resolve) => {
      // A client that connects in between is closed: its reset must not end the process.
      const server = createServer((socket) => socket.on('error', () => undefined).destroy());
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
      const host = block.replace(/\.0\/\d+$/, '.255');
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
    });
