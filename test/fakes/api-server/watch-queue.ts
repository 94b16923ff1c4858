import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { WatchEvent } from '@isthmus/api/kube/api-server.ts';

/** The events of one watch: a queue that one reader empties. */
export class WatchQueue implements AsyncIterable<WatchEvent> {
  readonly #events: WatchEvent[] = [];
  #end: ApiFailure | 'CLOSED' | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(signal: AbortSignal) {
    const aborted = () => this.end(new ApiFailure('API_UNREACHABLE', 'the watch was given up'));
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  }

  push(event: WatchEvent): void {
    if (this.#end) return;
    this.#events.push(event);
    this.#wake.resolve();
  }

  /** What was pushed is read before the end. */
  end(how: ApiFailure | 'CLOSED'): void {
    this.#end ??= how;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<WatchEvent> {
    while (true) {
      for (let event = this.#events.shift(); event; event = this.#events.shift()) yield event;
      if (this.#end === 'CLOSED') return;
      if (this.#end) throw this.#end;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
  }
}
