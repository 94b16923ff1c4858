import { readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { SourceEvent } from '../source.ts';
import { readManifests, type FileContents } from './read-file.ts';

const settleMillis = 50;
const rescanMillis = 10_000;

/** A folder of YAML files as objects: what changed since the last look, file by file. */
export class Folder {
  readonly #path: string;
  readonly #files = new Map<string, { text: string; contents: FileContents }>();
  /** Object id to the file that holds it. */
  readonly #owners = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Looks at every file and gives what is different. A file that cannot be read keeps its last good objects. */
  scan(): readonly SourceEvent[] {
    const events: SourceEvent[] = [];
    const present = new Set<string>();
    for (const file of this.#list()) {
      present.add(file);
      const text = readFileSync(join(this.#path, file), 'utf8');
      const known = this.#files.get(file);
      if (known?.text === text) continue;
      const read = readManifests(text, file);
      const contents = read.broken && known ? { ...known.contents, rejections: read.rejections } : read;
      events.push(...this.#replace(file, known?.contents, contents));
      this.#files.set(file, { text, contents });
    }
    for (const [file, { contents }] of [...this.#files])
      if (!present.has(file)) {
        events.push(...this.#replace(file, contents, { objects: new Map(), rejections: [], broken: false }));
        this.#files.delete(file);
      }
    return events;
  }

  /** Calls back soon after anything in the folder changes, and every ten seconds, as a watch may miss something. */
  watch(clock: Clock, onChange: () => void, signal: AbortSignal): void {
    let settle: Timer | undefined;
    const soon = () => {
      settle?.cancel();
      settle = clock.after(settleMillis, onChange);
    };
    const watcher = watch(this.#path, { recursive: true, signal });
    watcher.on('change', soon).on('error', () => undefined);
    const again = () => {
      if (signal.aborted) return;
      onChange();
      clock.after(rescanMillis, again);
    };
    clock.after(rescanMillis, again);
  }

  #list(): readonly string[] {
    return readdirSync(this.#path, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.ya?ml$/.test(file))
      .sort();
  }

  #replace(file: string, before: FileContents | undefined, after: FileContents): readonly SourceEvent[] {
    const taken = [...after.objects].filter(([id]) => (this.#owners.get(id) ?? file) !== file);
    const rejections = [...after.rejections, ...taken.map(([id]) => this.#twice(id, file))];
    const events: SourceEvent[] = [{ type: 'rejections', origin: file, rejections }];
    for (const id of before?.objects.keys() ?? [])
      if (!after.objects.has(id) && this.#owners.get(id) === file) {
        this.#owners.delete(id);
        events.push({ type: 'remove', id });
      }
    for (const [id, object] of after.objects)
      if ((this.#owners.get(id) ?? file) === file) {
        this.#owners.set(id, file);
        events.push({ type: 'upsert', id, object: object });
      }
    return events;
  }

  #twice(id: string, file: string) {
    return {
      object: id,
      field: '',
      reason: `is in ${this.#owners.get(id) ?? ''} already: ${file} is passed over`,
    };
  }
}
