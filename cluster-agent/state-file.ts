import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';

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
      if (!(error instanceof SyntaxError))
        throw new CodedError('STATE_FILE', `${this.#path} cannot be read: give the agent access to it`, {
          cause: error,
        });
    }
    const aside = `${this.#path}.damaged`;
    renameSync(this.#path, aside);
    this.#log.warn({ file: this.#path, aside }, 'a state file is damaged and was set aside');
    return undefined;
  }

  /** Throws STATE_FILE; the old file stays then. */
  write(value: unknown): void {
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(value), { mode: 0o600, flush: true });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (cause) {
      throw new CodedError('STATE_FILE', `${this.#path} cannot be written: make room for it`, { cause });
    }
  }
}
