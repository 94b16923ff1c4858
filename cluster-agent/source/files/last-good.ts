import { createHash } from 'node:crypto';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { Journal } from '../../state/journal.ts';
import type { StateFile } from '../../state/state-file.ts';
import { standingIn, type FileContents, type Held } from './read-file.ts';

/** Objects of a file, each as the JSON that it was read from. */
type Texts = readonly string[];

/** There is no file of this name, as manifests have an extension. */
const begunKey = 'begun';

/**
 * The last good form of every file, on disk by file: an agent that starts beside a broken file has not forgotten it. A
 * change costs what its file has.
 */
export class LastGood {
  readonly #journal: Pick<Journal, 'entries' | 'put' | 'remove' | 'flushed'>;
  readonly #older: Pick<StateFile, 'read' | 'remove'>;
  /** What was written of each file, by a digest. */
  readonly #written = new Map<string, string>();

  /** `older`: one file with all, as agents wrote it before there was a journal. */
  constructor(
    journal: Pick<Journal, 'entries' | 'put' | 'remove' | 'flushed'>,
    older: Pick<StateFile, 'read' | 'remove'>,
  ) {
    this.#journal = journal;
    this.#older = older;
  }

  /** Read like any foreign object, as an older agent may have written it. */
  load(): Map<string, FileContents> {
    const saved = new Map(this.#journal.entries());
    if (!saved.has(begunKey)) this.#takeOlder(saved);
    saved.delete(begunKey);
    const files = new Map<string, FileContents>();
    for (const [file, body] of saved) {
      const texts: unknown = JSON.parse(Buffer.from(body).toString());
      if (!areTexts(texts)) continue;
      this.#written.set(file, digestOf(body));
      files.set(file, contentsOf(file, texts));
    }
    return files;
  }

  /** Undefined: the file is gone. Throws WRITE_FAILED. */
  save(file: string, contents: FileContents | undefined): void {
    if (!contents) {
      this.#journal.remove(file);
      this.#written.delete(file);
      return;
    }
    const body = encode(Array.from(contents.objects.values(), ({ json }) => json));
    const digest = digestOf(body);
    if (this.#written.get(file) === digest) return;
    this.#journal.put(file, body);
    this.#written.set(file, digest);
  }

  /** What was saved is on the disk when this resolves. Rejects with WRITE_FAILED. */
  flushed(): Promise<void> {
    return this.#journal.flushed();
  }

  #takeOlder(saved: Map<string, Uint8Array>): void {
    for (const [file, texts] of Object.entries(this.#older.read(isSaved) ?? {})) {
      const body = encode(texts);
      this.#journal.put(file, body);
      saved.set(file, body);
    }
    this.#journal.put(begunKey, new Uint8Array());
    void this.#journal.flushed().then(
      () => this.#older.remove(),
      // It is not read again all the same.
      () => undefined,
    );
  }
}

const encode = (texts: Texts): Uint8Array => Buffer.from(JSON.stringify(texts));

const digestOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('base64');

const areTexts = (value: unknown): value is Texts =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

type Saved = Readonly<Record<string, Texts>>;

const isSaved = (value: unknown): value is Saved =>
  typeof value === 'object' && value !== null && Object.values(value).every(areTexts);

function contentsOf(file: string, texts: readonly string[]): FileContents {
  const held = texts.flatMap((json) => readHeld(file, json) ?? []);
  const objects = new Map(held.map((one) => [objectId(one.object.kind, one.object.metadata), one]));
  return { objects, refused: new Set(), standIns: new Map(), rejections: [], broken: false };
}

function readHeld(file: string, json: string): Held | undefined {
  const decoded = decodeObject(JSON.parse(json));
  if (decoded.ok)
    return decoded.value.kind === 'object' ? { object: decoded.value.object, json, line: 0 } : undefined;
  return standingIn(decoded.error, { json, file, line: 0 });
}
