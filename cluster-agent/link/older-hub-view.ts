import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { StateFile } from '../state/state-file.ts';

/** What an agent up to 0.1 had written of the hub’s state. */
export interface OlderHubView {
  readonly complete: boolean;
  readonly types: ReadonlyMap<string, readonly Resource[]>;
}

/** `hub-view.json`, which held everything in one file. */
export class OlderHubViewFile {
  readonly #file: StateFile;

  constructor(path: string, log: Log) {
    this.#file = new StateFile(path, log);
  }

  /** Undefined when there is none, when it is damaged, and when another hub has said it. */
  read(hub: string): OlderHubView | undefined {
    const saved = this.#file.read(isSaved);
    if (!saved || (saved.hub ?? hub) !== hub) return undefined;
    const types = saved.types.map(
      ([type, resources]) =>
        [
          type,
          resources.map(([name, version, body]) => ({ name, version, body: Buffer.from(body, 'base64') })),
        ] as const,
    );
    return { complete: saved.complete, types: new Map(types) };
  }

  /** One that cannot be removed is read no more all the same. */
  remove(): void {
    this.#file.remove();
  }
}

/** Name, version, body in base64. */
type SavedResource = readonly [string, string, string];
type SavedType = readonly [type: string, resources: readonly SavedResource[]];

interface Saved {
  /** Absent in files of versions that did not store the hub's id. */
  readonly hub?: string;
  readonly complete: boolean;
  readonly types: readonly SavedType[];
}

const isList = (value: unknown, is: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(is);
const isText = (value: unknown): boolean => typeof value === 'string';
const isResource = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 3 && value.every(isText);
const isType = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isText(value[0]) && isList(value[1], isResource);

const isSaved = (value: unknown): value is Saved => {
  const { hub, complete, types } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof Saved, unknown>
  >;
  return (hub === undefined || isText(hub)) && typeof complete === 'boolean' && isList(types, isType);
};
