import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { StateFile } from '../../state/state-file.ts';
import type { Holding } from './holding.ts';
import { standingIn, type FileContents, type Held } from './read-file.ts';

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
    return new Map(Object.entries(saved).map(([file, texts]) => [file, contentsOf(file, texts)]));
  }

  save(holding: Pick<Holding, 'files' | 'get'>): void {
    const saved: Saved = Object.fromEntries(
      Array.from(holding.files(), (file) => [
        file,
        Array.from(holding.get(file)?.objects.values() ?? [], ({ json }) => json),
      ]),
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

function contentsOf(file: string, texts: readonly string[]): FileContents {
  const held = texts.flatMap((json) => readHeld(file, json) ?? []);
  const objects = new Map(held.map((one) => [objectId(one.object.kind, one.object.metadata), one]));
  return { objects, refused: new Set(), standIns: new Map(), rejections: [], broken: false };
}

function readHeld(file: string, json: string): Held | undefined {
  const decoded = decodeObject(JSON.parse(json));
  if (decoded.ok)
    return decoded.value.kind === 'object' ? { object: decoded.value.object, json, line: 0 } : undefined;
  const { standIn } = decoded.error;
  return standIn === 'NO_NAMESPACE'
    ? undefined
    : standIn && standingIn(decoded.error, standIn, { json, file, line: 0 });
}
