import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** A part of the agent that keeps something on disk. It goes on with what it holds in memory where that cannot be written. */
export interface Unsaved {
  /** Something is not on the disk. */
  readonly isUnsaved: boolean;
  /** Why, with the file and what to do; undefined: not for a fault of the disk. */
  readonly unsaved: string | undefined;
  /** To be called about once a second while something is not saved: it is tried again. */
  save(): void;
}

/** Something that is written to the disk now, or as soon as that can be. */
export class UntilWritten implements Unsaved {
  readonly #write: () => void;
  readonly #onFailed: (why: string) => void;
  #unsaved: string | undefined;

  /** `write` writes what there is at that time; `onFailed`: to say so, and to have it tried again. */
  constructor(write: () => void, onFailed: (why: string) => void) {
    this.#write = write;
    this.#onFailed = onFailed;
  }

  get isUnsaved(): boolean {
    return this.#unsaved !== undefined;
  }

  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** Throws what is no fault of the disk. */
  save(): void {
    try {
      this.#write();
      this.#unsaved = undefined;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#unsaved = error.message;
      this.#onFailed(error.message);
    }
  }
}
