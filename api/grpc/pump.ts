/** What a pump needs of a grpc-js stream. */
export interface Writable<M> {
  write(message: M): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/**
 * Writes what a session without I/O has to say, as long as the stream takes it. It pulls, and never queues: while the
 * stream is full nothing is asked of the session, which answers from its latest state when there is room again.
 */
export class Pump<M> {
  readonly #stream: Writable<M>;
  readonly #next: () => M | undefined;
  #full = false;
  #stopped = false;

  constructor(stream: Writable<M>, next: () => M | undefined) {
    this.#stream = stream;
    this.#next = next;
  }

  /** There may be something to say. Cheap when there is not. */
  wake(): void {
    while (!this.#full && !this.#stopped) {
      const message = this.#next();
      if (message === undefined) return;
      if (!this.#stream.write(message)) this.#wait();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #wait(): void {
    this.#full = true;
    this.#stream.once('drain', () => {
      this.#full = false;
      this.wake();
    });
  }
}
