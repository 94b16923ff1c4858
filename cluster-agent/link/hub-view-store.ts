import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { emptyHubView, withResource, withoutResource, type HubView } from '../view/hub-view.ts';

/**
 * What the hub has sent and still stands, on disk: an agent that starts while the hub is away serves on from here,
 * and one that reconnects asks only for what changed.
 */
export class HubViewStore {
  readonly #path: string;
  readonly #held = new Map<string, Map<string, Resource>>();
  #view: HubView = emptyHubView;

  constructor(path: string) {
    this.#path = path;
    if (existsSync(path)) this.#load();
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

  /** A reader sees the old file or the new one. */
  save(): void {
    const plain = [...this.#held].map(([type, held]) => [
      type,
      [...held.values()].map(({ name, version, body }) => [
        name,
        version,
        Buffer.from(body).toString('base64'),
      ]),
    ]);
    writeFileSync(`${this.#path}.new`, JSON.stringify(plain), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  #load(): void {
    const plain = JSON.parse(readFileSync(this.#path, 'utf8')) as [string, [string, string, string][]][];
    for (const [type, held] of plain)
      this.apply(
        type,
        held.map(([name, version, body]) => ({ name, version, body: Buffer.from(body, 'base64') })),
        [],
      );
  }
}
