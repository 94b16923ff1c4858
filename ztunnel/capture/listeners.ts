import { createServer, type Server, type Socket } from 'node:net';
import { isLoopback } from '@isthmus/mesh/net/cidr.ts';
import { tuned } from '@isthmus/mesh/net/tuned.ts';
import type { Wanted } from './wanted.ts';

interface Hooks {
  readonly onConnection: (socket: Socket, wanted: Wanted) => void;
  /** A port could not be bound: the others work. */
  readonly onProblem: (wanted: Wanted, problem: string) => void;
  /** Injected, so that a test can say what a machine would. */
  readonly listen?: (server: Server, wanted: Wanted) => void;
}

const defaultListen = (server: Server, { address, port }: Wanted) =>
  void server.listen({ host: address, port, exclusive: true });

/** Keeps the open listeners equal to the wanted ones. */
export class Listeners {
  readonly #hooks: Hooks;
  readonly #open = new Map<string, { wanted: Wanted; server: Server }>();

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  reconcile(wanted: ReadonlyMap<string, Wanted>): void {
    for (const [key, { server }] of this.#open)
      if (!wanted.has(key)) {
        server.close();
        this.#open.delete(key);
      }
    for (const [key, one] of wanted) {
      const known = this.#open.get(key);
      if (known) known.wanted = one;
      else this.#add(key, one);
    }
  }

  close(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }

  get size(): number {
    return this.#open.size;
  }

  #add(key: string, wanted: Wanted): void {
    if (!isLoopback(wanted.address))
      return this.#hooks.onProblem(wanted, 'NOT_LOOPBACK: loopback capture serves 127.0.0.0/8 only');
    // Half-open, as each direction of a connection ends by itself; paused, as the first bytes may belong to TLS.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const entry = { wanted, server };
    server.on('connection', (socket) => this.#hooks.onConnection(tuned(socket), entry.wanted));
    server.on('error', (error: NodeJS.ErrnoException) => {
      this.#open.delete(key);
      this.#hooks.onProblem(wanted, explain(error, wanted.port));
    });
    this.#open.set(key, entry);
    (this.#hooks.listen ?? defaultListen)(server, wanted);
  }
}

function explain({ code = '', message }: NodeJS.ErrnoException, port: number): string {
  if (code === 'EACCES')
    return `PORT_NOT_CAPTURABLE: port ${port} needs root, or sysctl net.ipv4.ip_unprivileged_port_start=${port}`;
  return `PORT_NOT_CAPTURABLE: ${message}`;
}
