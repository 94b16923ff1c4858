import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Journal } from '../state/journal.ts';

/** What is kept of a journal, and what tests give in its place. */
export type KeptBodies = Pick<Journal, 'entries' | 'put' | 'remove' | 'flushed'>;

const unwrittenLine = 'the hub’s state could not be saved; the agent retries every second';

/**
 * Writes what the hub says, in the order in which it was said: what cannot be written is kept with its bytes and goes
 * before all that follows, so that what is on disk is always what the hub had said up to some moment.
 */
export class HubJournal {
  readonly #bodies: KeptBodies;
  readonly #log: Log;
  readonly #onUnsaved: () => void;
  /** By key, in the order in which they are to be written; undefined: to be removed. */
  readonly #unwritten = new Map<string, Uint8Array | undefined>();
  #isUnflushed = false;
  #unsaved: string | undefined;

  /** `onUnsaved`: something has to be tried again. */
  constructor(bodies: KeptBodies, log: Log, onUnsaved: () => void = () => undefined) {
    this.#bodies = bodies;
    this.#log = log;
    this.#onUnsaved = onUnsaved;
  }

  entries(): ReturnType<KeptBodies['entries']> {
    return this.#bodies.entries();
  }

  put(key: string, body: Uint8Array): void {
    this.#change(key, body);
  }

  remove(key: string): void {
    this.#change(key, undefined);
  }

  /** Resolves with whether what was said before is on the disk; it has been reported when it is not. */
  async flushed(): Promise<boolean> {
    try {
      await this.#bodies.flushed();
      this.#succeeded();
      return this.#unwritten.size === 0;
    } catch (error) {
      this.#isUnflushed = true;
      this.#failed(error);
      return false;
    }
  }

  /** Something could not be written or flushed. */
  get isUnsaved(): boolean {
    return this.#isUnflushed || this.#unwritten.size > 0;
  }

  /** Why, with the file and what to do. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** To be called about once a second while something is not saved: what could not be written or flushed is tried again. */
  retry(): void {
    if (this.#unwritten.size > 0) this.#writeAll();
    if (!this.#isUnflushed) return;
    this.#isUnflushed = false;
    void this.flushed();
  }

  #change(key: string, body: Uint8Array | undefined): void {
    this.#unwritten.set(key, body);
    if (this.#unwritten.size === 1) this.#writeAll();
  }

  #writeAll(): void {
    try {
      for (const [key, body] of this.#unwritten) {
        if (body) this.#bodies.put(key, body);
        else this.#bodies.remove(key);
        this.#unwritten.delete(key);
      }
      this.#succeeded();
    } catch (error) {
      this.#failed(error);
    }
  }

  #succeeded(): void {
    if (!this.isUnsaved) this.#unsaved = undefined;
  }

  #failed(error: unknown): void {
    this.#unsaved = error instanceof Error ? error.message : String(error);
    this.#log.error({ error: this.#unsaved }, unwrittenLine);
    this.#onUnsaved();
  }
}
