import type { Live } from '@isthmus/mesh/decide/live.ts';
import { ProxyError } from '../proxy-error.ts';
import type { Entry } from './connection-index.ts';
import type { Ending } from './ending.ts';

/** A connection that was let in, from before its far side is dialled until it has ended. */
export class Place implements Entry {
  readonly live: Live;
  readonly isSession: boolean;
  judged: number;
  readonly #drain: (() => void) | undefined;
  readonly #left: (place: Place) => void;
  #about: string;
  #ending: Ending | undefined;
  #close: ((ending: Ending) => void) | undefined;

  /** `about`: for people, from where to where. `left` is called once. */
  constructor(
    live: Live,
    about: string,
    judged: number,
    drain: (() => void) | undefined,
    left: (place: Place) => void,
  ) {
    this.live = live;
    this.isSession = drain !== undefined;
    this.judged = judged;
    this.#about = about;
    this.#drain = drain;
    this.#left = left;
  }

  get about(): string {
    return this.#about;
  }

  /** Why it has to end; undefined while it may live. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /**
   * Runs what is done for it before it is carried, as its far side is being dialled. The signal aborts when `gone` does
   * and when it may live no longer: then what `work` makes of that is thrown.
   */
  async before<T>(gone: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    const leave = () => abort.abort(gone.reason);
    gone.addEventListener('abort', leave, { once: true });
    this.#close = ({ message }) => abort.abort(new ProxyError('CONNECTION_ENDED', message));
    if (gone.aborted) leave();
    if (this.#ending) this.#close(this.#ending);
    try {
      return await work(abort.signal);
    } finally {
      gone.removeEventListener('abort', leave);
      this.#close = undefined;
    }
  }

  /** It is carried from now on. `close` is called once: at once, if it has had to end meanwhile. */
  carried(about: string, close: (ending: Ending) => void): void {
    this.#about = about;
    this.#close = close;
    if (this.#ending) close(this.#ending);
  }

  /** It has to end; once. */
  end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#close?.(ending);
  }

  /** Takes nothing new and ends when what it carries has ended, where that is not its nature. */
  drain(): void {
    this.#drain?.();
  }

  /** It has ended. */
  leave(): void {
    this.#left(this);
  }
}
