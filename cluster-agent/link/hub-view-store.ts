import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { StateFile } from '../state-file.ts';
import { emptyHubView, withResource, withoutResource, type HubView } from '../view/hub-view.ts';

/**
 * What the hub has sent and still stands, on disk: an agent that starts while the hub is away serves on from here,
 * and one that reconnects asks only for what changed.
 */
export class HubViewStore {
  readonly #file: StateFile;
  readonly #hub: string;
  readonly #held = new Map<string, Map<string, Resource>>();
  #view: HubView = emptyHubView;
  #complete = false;

  /** `hub`: whose view it is; what another hub had sent is no view of this one. */
  constructor(file: StateFile, hub = '') {
    this.#file = file;
    this.#hub = hub;
    const saved = file.read(isSaved);
    if (saved && (saved.hub ?? hub) === hub) this.#load(saved);
  }

  /**
   * Everything has been received once, by this agent or one before it. Until then what is missing is unknown and not
   * absent: a policy of the hub's may be among it, so nothing is told to proxies.
   */
  get complete(): boolean {
    return this.#complete;
  }

  /** True when it is news. */
  completed(): boolean {
    if (this.#complete) return false;
    return (this.#complete = true);
  }

  get view(): HubView {
    return this.#view;
  }

  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(
      [...this.#held].map(([type, held]) => [
        type,
        new Map([...held].map(([name, { version }]) => [name, version])),
      ]),
    );
  }

  version(type: string, name: string): string | undefined {
    return this.#held.get(type)?.get(name)?.version;
  }

  apply(type: string, resources: readonly Resource[], removed: readonly string[]): readonly Rejected[] {
    const held = this.#held.get(type) ?? new Map<string, Resource>();
    this.#held.set(type, held);
    const rejected: Rejected[] = [];
    for (const resource of resources) {
      const next = withResource(this.#view, type, resource);
      if (!next.ok) rejected.push({ name: resource.name, reason: next.error });
      else {
        this.#view = next.value;
        held.set(resource.name, resource);
      }
    }
    for (const name of removed) {
      held.delete(name);
      this.#view = withoutResource(this.#view, type, name);
    }
    return rejected;
  }

  /** Throws STATE_FILE. */
  save(): void {
    const types = [...this.#held].map(([type, held]): SavedType => [
      type,
      [...held.values()].map(({ name, version, body }) => [
        name,
        version,
        Buffer.from(body).toString('base64'),
      ]),
    ]);
    this.#file.write({ hub: this.#hub, complete: this.#complete, types } satisfies Saved);
  }

  #load({ complete, types }: Saved): void {
    this.#complete = complete;
    for (const [type, held] of types)
      this.apply(
        type,
        held.map(([name, version, body]) => ({ name, version, body: Buffer.from(body, 'base64') })),
        [],
      );
  }
}

/** Name, version, body in base64. */
type SavedResource = readonly [string, string, string];
type SavedType = readonly [type: string, resources: readonly SavedResource[]];

interface Saved {
  /** Absent in what was saved before hubs were told apart. */
  readonly hub?: string;
  readonly complete: boolean;
  readonly types: readonly SavedType[];
}

const isList = (value: unknown, is: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(is);
const isText = (value: unknown): boolean => typeof value === 'string';
const isResource = (value: unknown): boolean => isList(value, isText) && (value as unknown[]).length === 3;
const isType = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isText(value[0]) && isList(value[1], isResource);

const isSaved = (value: unknown): value is Saved => {
  const { hub, complete, types } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof Saved, unknown>
  >;
  return (hub === undefined || isText(hub)) && typeof complete === 'boolean' && isList(types, isType);
};
