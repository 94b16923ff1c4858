import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { StateFile } from '../../state-file.ts';
import type { FileContents, Held } from './read-file.ts';

/** Objects of a file, each as the JSON that it was read from. */
type Saved = Readonly<Record<string, readonly string[]>>;

/** The last good form of every file, on disk: an agent that starts beside a broken file has not forgotten it. */
export class LastGood {
  readonly #file: StateFile;
  #saved = '';

  constructor(file: StateFile) {
    this.#file = file;
  }

  /** Read like any foreign object, as an older agent may have written it. */
  load(): Map<string, FileContents> {
    const saved = this.#file.read(isSaved) ?? {};
    return new Map(Object.entries(saved).map(([file, texts]) => [file, contentsOf(texts)]));
  }

  save(files: ReadonlyMap<string, FileContents>): void {
    const saved: Saved = Object.fromEntries(
      [...files].map(([file, { objects }]) => [file, [...objects.values()].map(({ json }) => json)]),
    );
    const text = JSON.stringify(saved);
    if (text === this.#saved) return;
    this.#file.write(saved);
    this.#saved = text;
  }
}

const isSaved = (value: unknown): value is Saved =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every(
    (texts) => Array.isArray(texts) && texts.every((one) => typeof one === 'string'),
  );

function contentsOf(texts: readonly string[]): FileContents {
  const objects = new Map<string, Held>();
  for (const json of texts) {
    const decoded = decodeObject(JSON.parse(json));
    if (!decoded.ok || decoded.value.kind === 'skipped') continue;
    const { object } = decoded.value;
    objects.set(objectId(object.kind, object.metadata), { object, json, line: 0 });
  }
  return { objects, refused: new Set(), rejections: [], broken: false };
}
