import { isDeepStrictEqual } from 'node:util';
import type { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { Listed, Place, Query, Resource, WatchEvent } from '@isthmus/api/kube/api-server.ts';
import { resourceName } from '@isthmus/api/kube/resource-path.ts';
import type { KeptMetadata, KeptObject } from './kept-object.ts';
import { clone, keyOf, metadataOf, typeOf } from './object-parts.ts';
import { isSelected } from './selectors.ts';
import { WatchQueue } from './watch-queue.ts';

interface Watcher {
  readonly resource: Listed;
  readonly query: Query;
  readonly queue: WatchQueue;
}

interface Logged {
  readonly version: number;
  readonly resource: string;
  readonly event: WatchEvent;
}

/**
 * Objects with resourceVersions, as etcd and the watch cache of an API server have them: a watch gets what has happened
 * since its version, and then what happens.
 */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, KeptObject>>();
  readonly #watchers = new Set<Watcher>();
  #log: Logged[] = [];
  #version = 1000;
  /** What happened before this version is forgotten. */
  #oldest = 0;
  #uids = 0;

  /** The resourceVersion of the last change. */
  get version(): number {
    return this.#version;
  }

  /** A number that no object has. */
  newUid(): number {
    return ++this.#uids;
  }

  of(resource: Resource): Map<string, KeptObject> {
    const objects = this.#objects.get(resourceName(resource)) ?? new Map<string, KeptObject>();
    this.#objects.set(resourceName(resource), objects);
    return objects;
  }

  find(resource: Resource, place: Pick<Place, 'namespace' | 'name'>): KeptObject | undefined {
    return this.of(resource).get(keyOf(place));
  }

  /** Creates the object, or puts it in the place of `before`. A write that changes nothing has no new version. */
  keep(resource: Resource, object: object, before: KeptObject | undefined): KeptObject {
    const metadata = clone(metadataOf(object)) as KeptMetadata;
    const uid = before?.metadata.uid ?? (metadata.uid || `uid-${this.newUid()}`);
    const merged: KeptObject = {
      ...(clone(object) as object),
      ...typeOf(resource),
      metadata: { ...metadata, uid, resourceVersion: before?.metadata.resourceVersion ?? '' },
    };
    if (before && isDeepStrictEqual(merged, before)) return before;
    const kept = { ...merged, metadata: { ...merged.metadata, resourceVersion: String(++this.#version) } };
    this.of(resource).set(keyOf(kept.metadata), kept);
    this.#happened(resource, { type: before ? 'MODIFIED' : 'ADDED', object: kept }, before);
    return kept;
  }

  drop(resource: Resource, object: KeptObject): void {
    this.of(resource).delete(keyOf(object.metadata));
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.#happened(resource, { type: 'DELETED', object: { ...object, metadata } }, object);
  }

  /** Whether what has happened since this version is no longer known. */
  isForgotten(version: number): boolean {
    return version < this.#oldest;
  }

  /** From version 0 on it begins with the objects that there are. */
  watch(listed: Listed, query: Query, from: number, signal: AbortSignal): WatchQueue {
    const watcher = { resource: listed, query, queue: new WatchQueue(signal) };
    if (from === 0)
      for (const object of this.of(listed).values()) offer(watcher, { type: 'ADDED', object }, undefined);
    else
      for (const { version, resource, event } of this.#log)
        if (version > from && resource === resourceName(listed)) offer(watcher, event, undefined);
    this.#watchers.add(watcher);
    signal.addEventListener('abort', () => this.#watchers.delete(watcher), { once: true });
    return watcher.queue;
  }

  watchers(resource: Resource): readonly WatchQueue[] {
    return [...this.#watchers].filter((one) => isSame(one.resource, resource)).map(({ queue }) => queue);
  }

  forget(): void {
    this.#log = [];
    this.#oldest = this.#version;
  }

  bookmark(): void {
    const metadata = { resourceVersion: String(this.#version) };
    for (const { resource, queue } of this.#watchers)
      queue.push({ type: 'BOOKMARK', object: { ...typeOf(resource), metadata } });
  }

  closeWatches(resource: Resource | undefined, how: ApiFailure | 'CLOSED'): void {
    for (const watcher of this.#watchers)
      if (!resource || isSame(watcher.resource, resource)) {
        watcher.queue.end(how);
        this.#watchers.delete(watcher);
      }
  }

  #happened(resource: Resource, event: WatchEvent, before: KeptObject | undefined): void {
    this.#log.push({ version: this.#version, resource: resourceName(resource), event });
    for (const watcher of this.#watchers)
      if (isSame(watcher.resource, resource)) offer(watcher, event, before);
  }
}

/** An object that leaves a selection is deleted for its watches. */
function offer(
  { resource, query, queue }: Watcher,
  { type, object }: WatchEvent,
  before: KeptObject | undefined,
): void {
  const now = object as KeptObject;
  if (!isWithin(resource, now)) return;
  if (isSelected(now, query)) queue.push({ type, object: clone(now) });
  else if (before && isSelected(before, query)) queue.push({ type: 'DELETED', object: clone(now) });
}

/** Of a list or watch in one namespace, the objects of that. */
export const isWithin = ({ namespace = '' }: Listed, { metadata }: KeptObject): boolean =>
  namespace === '' || metadata.namespace === namespace;

const isSame = (one: Resource, other: Resource): boolean => resourceName(one) === resourceName(other);
