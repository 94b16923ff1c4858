import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../process/clock.ts';
import type { ByteStream } from '../byte-stream.ts';
import type { Counters } from '../relay.ts';
import { wireOf } from '../wire.ts';
import { NodeStream } from './node-stream.ts';

const lookMillis = 250;
/** Between two looks. What carries less is read at once, and to ask it would cost as much as to carry it. */
const busyBytes = 16 * 1024;

interface Watched {
  readonly sides: readonly NodeStream[];
  readonly carried: Readonly<Counters>;
  /** What was carried at the last look. */
  seen: number;
}

/**
 * Notices resets that Node does not, or late. It learns of a reset by reading, after all that the kernel has received
 * before it, which is some megabytes where a tunnel is busy; and while a tunnel stands still because one side takes
 * nothing, its other side is not read. Nor is a session of HTTP/2 that waits to write: its TLS loses the error of that
 * write, and the session waits on. An empty write asks the kernel: it sends nothing, and fails where the connection was
 * reset, which destroys the socket with that error.
 */
export class LostPeers {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #look: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Both sides of a tunnel, for as long as it lasts: call what is returned when it has ended. */
  watch(a: ByteStream, b: ByteStream, carried: Readonly<Counters>): () => void {
    const one = { sides: [a, b].filter((side) => side instanceof NodeStream), carried, seen: 0 };
    this.#watched.add(one);
    this.#look ??= this.#clock.after(lookMillis, () => this.#again());
    return () => void this.#watched.delete(one);
  }

  #again(): void {
    this.#look = this.#watched.size === 0 ? undefined : this.#clock.after(lookMillis, () => this.#again());
    // Each once, however many streams it carries.
    const asked = new Set<Socket>();
    for (const one of this.#watched) {
      if (!isBusy(one) && one.sides.every(isRead)) continue;
      for (const { duplex } of one.sides) {
        const wire = wireOf(duplex);
        if (wire) asked.add(wire);
      }
    }
    for (const wire of asked) ask(wire);
  }
}

/** It has carried so much since the last look that its kernel may hold more, before a reset. */
function isBusy(one: Watched): boolean {
  const { sent, received } = one.carried;
  const since = sent + received - one.seen;
  one.seen += since;
  return since >= busyBytes;
}

const isRead = ({ duplex }: NodeStream): boolean => duplex.readableFlowing === true;

/**
 * Only where libuv has nothing to write: then the write is over when this returns. One that waits would be reported to
 * the TLS above the socket, which takes the end of any write for that of its own; and libuv, which waits to write, sees
 * a reset by itself.
 */
function ask(wire: Socket): void {
  // Node shows this of the handle in no other way.
  const { _handle: handle } = wire as unknown as { _handle?: { writeQueueSize?: number } | null };
  if (handle?.writeQueueSize === 0) wire.write('');
}
