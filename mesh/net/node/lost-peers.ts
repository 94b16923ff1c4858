import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../process/clock.ts';

const lookMillis = 250;

/** A stream of which a reset may be unseen. */
export interface Watched {
  /** Asked at each look; false: its peer is heard again, and it is watched no longer. */
  mayBeLost(): boolean;
  /** The TCP socket that carries it; undefined where nothing more can be written on the way there. */
  readonly wire: Socket | undefined;
}

/**
 * Notices resets that Node does not, or late. It learns of a reset by reading, after all that the kernel has received
 * before it, which is some megabytes where a stream is busy; and while a tunnel stands still because one side takes
 * nothing, its other side is not read. Nor is a session of HTTP/2 that waits to write: its TLS loses the error of that
 * write, and the session waits on. An empty write asks the kernel: it sends nothing, and fails where the connection was
 * reset, which destroys the socket with that error.
 *
 * Streams come here by themselves when they are paused, wait to write or were busy, and leave when none of that is so:
 * one that is idle costs nothing.
 */
export class LostPeers {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #look: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(stream: Watched): void {
    this.#watched.add(stream);
    this.#look ??= this.#clock.after(lookMillis, () => this.#again());
  }

  forget(stream: Watched): void {
    this.#watched.delete(stream);
  }

  #again(): void {
    // Each once, however many streams it carries.
    const asked = new Set<Socket>();
    for (const stream of this.#watched)
      if (stream.mayBeLost()) {
        const { wire } = stream;
        if (wire) asked.add(wire);
      } else this.#watched.delete(stream);
    this.#look = this.#watched.size === 0 ? undefined : this.#clock.after(lookMillis, () => this.#again());
    for (const wire of asked) ask(wire);
  }
}

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
