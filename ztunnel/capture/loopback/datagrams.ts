import { createSocket, type Socket } from 'node:dgram';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { PlanChange, Wanted } from './plan.ts';

interface Hooks {
  readonly clock: Clock;
  /** Data workers that share each place. */
  readonly workers: number;
  readonly onDatagram: (
    wanted: Wanted,
    from: AddressPort,
    bytes: Buffer,
    answer: (bytes: Buffer) => void,
  ) => void;
  /** A place cannot be used: it is tried again. Once, until it can be. */
  readonly onProblem: (wanted: Wanted, problem: string, code: string) => void;
  readonly onSolved: (wanted: Wanted) => void;
}

interface Place {
  readonly wanted: Wanted;
  socket: Socket | undefined;
  retry: Timer | undefined;
  hasProblem: boolean;
  /** Resolves when it is open, or known not to open, or not wanted any more. */
  readonly settled: PromiseWithResolvers<void>;
}

const retryMillis = 1000;

/** Keeps UDP sockets where DNS is to be served, beside its TCP listeners. */
export class Datagrams {
  readonly #hooks: Hooks;
  readonly #places = new Map<string, Place>();

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  change(changes: PlanChange): void {
    for (const [key, wanted] of changes)
      if (wanted?.role.kind !== 'dns') this.#drop(key);
      else if (!this.#places.has(key)) {
        const place: Place = {
          wanted,
          socket: undefined,
          retry: undefined,
          hasProblem: false,
          settled: Promise.withResolvers<void>(),
        };
        this.#places.set(key, place);
        this.#open(place);
      }
  }

  /** Resolves when each wanted place is open or known not to open. */
  async settled(): Promise<void> {
    await Promise.all([...this.#places.values()].map(({ settled }) => settled.promise));
  }

  close(): void {
    for (const key of [...this.#places.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    const place = this.#places.get(key);
    if (!place) return;
    this.#places.delete(key);
    place.settled.resolve();
    place.retry?.cancel();
    place.socket?.close();
    place.socket = undefined;
    if (place.hasProblem) this.#hooks.onSolved(place.wanted);
  }

  #open(place: Place): void {
    const { wanted } = place;
    const { clock, workers, onDatagram, onProblem, onSolved } = this.#hooks;
    const socket = createSocket({ type: 'udp4', reusePort: workers > 1 });
    place.socket = socket;
    socket.on('message', (bytes, { address, port }) =>
      onDatagram(wanted, { address, port }, bytes, (answer) => {
        // It may have closed since, and what cannot be sent is lost.
        if (place.socket === socket) socket.send(answer, port, address, () => undefined);
      }),
    );
    socket.on('listening', () => {
      place.settled.resolve();
      if (place.hasProblem) onSolved(wanted);
      place.hasProblem = false;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (place.socket !== socket) return;
      place.socket = undefined;
      socket.close();
      place.settled.resolve();
      if (!place.hasProblem)
        onProblem(wanted, `PORT_NOT_CAPTURABLE: UDP: ${error.message}`, error.code ?? 'UNKNOWN');
      place.hasProblem = true;
      place.retry = clock.after(retryMillis, () => this.#open(place));
    });
    socket.bind({ address: wanted.address, port: wanted.port, exclusive: true });
  }
}
