import {
  closeSync,
  fdatasync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { fileError } from '@isthmus/mesh/process/file-error.ts';

const name = /^\d{8,}\.log$/;

/** One file of a journal, `00000001.log`. Records are added to its end; nothing in it is ever changed. */
export class Segment {
  readonly number: number;
  readonly path: string;
  /** Bytes of whole records. */
  size: number;
  #file: number | undefined;
  /** Part of a record that could not be written may follow what is whole. */
  #torn = false;

  private constructor(folder: string, number: number, size: number) {
    this.number = number;
    this.path = join(folder, `${String(number).padStart(8, '0')}.log`);
    this.size = size;
  }

  /** Undefined for a file of the folder that is not a segment. */
  static existing(folder: string, file: string): Segment | undefined {
    if (!name.test(file)) return undefined;
    return new Segment(folder, Number.parseInt(basename(file), 10), statSync(join(folder, file)).size);
  }

  /** An empty one, mode 0600. Throws WRITE_FAILED. */
  static create(folder: string, number: number): Segment {
    const segment = new Segment(folder, number, 0);
    segment.#file = attempt(segment.path, () => openSync(segment.path, 'w', 0o600));
    return segment;
  }

  /** Throws READ_FAILED. */
  read(): Buffer {
    try {
      return readFileSync(this.path);
    } catch (cause) {
      throw fileError('READ_FAILED', this.path, 'read', cause);
    }
  }

  /** Returns the offset of the record. Throws WRITE_FAILED; nothing has been added then. */
  append(record: Uint8Array): number {
    const offset = this.size;
    attempt(this.path, () => {
      const file = this.#open();
      if (this.#torn) ftruncateSync(file, offset);
      this.#torn = true;
      for (let done = 0; done < record.length;)
        done += writeSync(file, record, done, record.length - done, offset + done);
      this.#torn = false;
    });
    this.size += record.length;
    return offset;
  }

  /** Everything from this offset on goes. Throws WRITE_FAILED. */
  cut(offset: number): void {
    attempt(this.path, () => ftruncateSync(this.#open(), offset));
    this.size = offset;
  }

  /** What was added before is on the disk then. Rejects with WRITE_FAILED. */
  async flush(): Promise<void> {
    try {
      await promisify(fdatasync)(this.#open());
    } catch (cause) {
      throw fileError('WRITE_FAILED', this.path, 'flushed', cause);
    }
  }

  /** It is opened again when something is added. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** Throws WRITE_FAILED. */
  delete(): void {
    this.close();
    attempt(this.path, () => rmSync(this.path));
  }

  #open(): number {
    return (this.#file ??= openSync(this.path, 'r+'));
  }
}

function attempt<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw fileError('WRITE_FAILED', path, 'written', cause);
  }
}
