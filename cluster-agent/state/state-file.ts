import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileError } from '@isthmus/mesh/process/file-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { writeWhole, type WriteOptions } from '@isthmus/mesh/process/write-whole.ts';

/** One JSON file of the agent's state, which a reader sees whole or not at all, also after a crash of the machine. */
export class StateFile {
  readonly #path: string;
  readonly #log: Log;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /**
   * Undefined when there is none yet. One that is damaged is set aside, beside a warning: it holds nothing that cannot
   * be had again, and the agent has to start.
   */
  read<T>(is: (value: unknown) => value is T): T | undefined {
    if (!existsSync(this.#path)) return undefined;
    try {
      const value: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      if (is(value)) return value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw fileError('STATE_FILE', this.#path, 'read', error);
    }
    const aside = `${this.#path}.damaged`;
    renameSync(this.#path, aside);
    this.#log.warn({ file: this.#path, aside }, 'a state file is damaged and was set aside');
    return undefined;
  }

  /** For a file that another has replaced. One that cannot be removed stays, beside a warning. */
  remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch (cause) {
      const { message } = fileError('WRITE_FAILED', this.#path, 'removed', cause);
      this.#log.warn({ error: message }, 'an old file stays');
    }
  }

  /** Throws WRITE_FAILED; the old file stays then. */
  write(value: unknown, options: WriteOptions = {}): void {
    writeWhole(this.#path, JSON.stringify(value), options);
  }
}
