import { noVersion, type Rejected, type Resource } from '@isthmus/mesh/delta/messages.ts';
import type { StateFile } from '../state/state-file.ts';
import { emptyHubView, withResource, withStandIn, withoutResource, type HubView } from '../view/hub-view.ts';

/**
 * What the hub has sent and still stands, on disk: an agent that starts while the hub is away serves on from here,
 * and one that reconnects asks only for what changed.
 */
export class HubViewStore {
  readonly #file: StateFile;
  readonly #hub: string;
  readonly #held = new Map<string, Map<string, Resource>>();
  /** What was refused and is held in no version, by type and name. */
  readonly #refused = new Map<string, Map<string, Refused>>();
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
   * absent: a policy of the hub's may be among it, so nothing is sent to proxies.
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

  /** As `ClientSession` takes them: what was refused is named, so that the hub sends it again or says that it is gone. */
  versions(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(
      [...this.#held].map(([type, held]) => [
        type,
        new Map([
          ...[...this.refused(type).keys()].map((name) => [name, noVersion] as const),
          ...[...held].map(([name, { version }]) => [name, version] as const),
        ]),
      ]),
    );
  }

  /** What cannot be read and is held in no version, by name, and why. */
  refused(type: string): ReadonlyMap<string, Refused> {
    return this.#refused.get(type) ?? new Map<string, Refused>();
  }

  version(type: string, name: string): string | undefined {
    return this.#held.get(type)?.get(name)?.version;
  }

  apply(type: string, resources: readonly Resource[], removed: readonly string[]): readonly Rejected[] {
    const held = this.#held.get(type) ?? new Map<string, Resource>();
    this.#held.set(type, held);
    const refused = this.#refused.get(type) ?? new Map<string, Refused>();
    this.#refused.set(type, refused);
    const rejected: Rejected[] = [];
    for (const resource of resources) {
      const { name } = resource;
      const next = withResource(this.#view, type, resource);
      if (next.ok) {
        this.#view = next.value;
        held.set(name, resource);
        refused.delete(name);
        continue;
      }
      rejected.push({ name, reason: next.error });
      if (held.has(name)) continue;
      refused.set(name, { resource, reason: next.error });
      this.#view = withStandIn(this.#view, type, resource);
    }
    for (const name of removed) {
      held.delete(name);
      refused.delete(name);
      this.#view = withoutResource(this.#view, type, name);
    }
    return rejected;
  }

  /** Throws STATE_FILE. What was refused is with what is held: it is refused again when it is read, or is not. */
  save(): void {
    const types = [...this.#held].map(([type, held]): SavedType => {
      const refused = [...this.refused(type).values()].map(({ resource }) => resource);
      return [
        type,
        [...held.values(), ...refused].map(({ name, version, body }) => [
          name,
          version,
          Buffer.from(body).toString('base64'),
        ]),
      ];
    });
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

export interface Refused {
  readonly resource: Resource;
  /** Why it cannot be read. */
  readonly reason: string;
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
const isResource = (value: unknown): boolean => isList(value, isText) && (value as unknown[]).length === 3;
const isType = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isText(value[0]) && isList(value[1], isResource);

const isSaved = (value: unknown): value is Saved => {
  const { hub, complete, types } = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof Saved, unknown>
  >;
  return (hub === undefined || isText(hub)) && typeof complete === 'boolean' && isList(types, isType);
};
