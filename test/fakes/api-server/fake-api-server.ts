import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type {
  ApiServer,
  Listed,
  Page,
  Patch,
  Place,
  Query,
  Resource,
  WatchEvent,
} from '@isthmus/api/kube/api-server.ts';
import type { Verb } from '@isthmus/api/kube/access.ts';
import { refusal, type Call } from '@isthmus/api/kube/refusal.ts';
import { objectPath, resourceName } from '@isthmus/api/kube/resource-path.ts';
import { apply, merge } from './apply.ts';
import type { KeptObject } from './kept-object.ts';
import { asItem, clone, keyOf, metadataOf, nameOf, textOf, typeOf } from './object-parts.ts';
import { isWithin, ObjectStore } from './object-store.ts';
import { isSelected } from './selectors.ts';

/** A call as the double has seen it. */
export interface SeenCall extends Call {
  readonly of: Resource | string;
  readonly query: Query;
}

/** What happens to a call in place of an answer: a failure, or nothing ever (HANG). Undefined: it is answered. */
export type Outcome = ApiFailure | 'HANG' | undefined;

/** What a virtual kind answers to `create`: TokenReview and the like. */
type Answer = (object: Readonly<Record<string, unknown>>) => unknown;

/**
 * An API server in memory. It keeps resourceVersions, pages lists, sends watches what has happened since their version
 * and then what happens, refuses like the real one (404, 409, 410, 422), and knows server-side apply by field manager.
 * Nothing takes time in it. Tests set failures with `fail` and `before`, and look at `calls`.
 */
export class FakeApiServer implements ApiServer {
  readonly calls: SeenCall[] = [];
  /** Asked before each call: what happens in its place. */
  before: (call: SeenCall) => Outcome = () => undefined;
  readonly #kinds = new Map<string, Resource>();
  readonly #store = new ObjectStore();
  readonly #answers = new Map<string, Answer>();
  readonly #reads = new Map<string, unknown>([['/version', { major: '1', minor: '36' }]]);
  readonly #planned: { readonly verb: Verb; readonly plural: string; readonly outcome: Outcome }[] = [];

  constructor(kinds: readonly Resource[] = []) {
    for (const kind of kinds) this.addKind(kind);
  }

  // What tests do to it.

  /** A CRD is installed. */
  addKind(resource: Resource): void {
    this.#kinds.set(resourceName(resource), resource);
  }

  /** A CRD is deleted: its objects first, then its watches end, and then it is answered with 404. */
  removeKind(resource: Resource): void {
    for (const object of [...this.all(resource)]) this.#store.drop(resource, object);
    this.#kinds.delete(resourceName(resource));
    this.closeWatches(resource);
  }

  /** The next calls of this verb come to this, one outcome each. */
  fail(verb: Verb, plural: string, ...outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) this.#planned.push({ verb, plural, outcome });
  }

  /** Creates the object or puts it over the one that is there, with its status, as its controllers would. */
  put(resource: Resource, object: object): KeptObject {
    const { metadata } = object as { metadata: { name: string; namespace?: string } };
    return this.#store.keep(resource, object, this.#store.of(resource).get(keyOf(metadata)));
  }

  /** Deletes the object, if it is there. */
  delete(resource: Resource, namespace: string, name: string): void {
    const object = this.find(resource, namespace, name);
    if (object) this.#store.drop(resource, object);
  }

  all(resource: Resource): Iterable<KeptObject> {
    return this.#store.of(resource).values();
  }

  find(resource: Resource, namespace: string, name: string): KeptObject | undefined {
    return this.#store.find(resource, { namespace, name });
  }

  /** How a kind that has no objects answers: `tokenreviews`. */
  answer(plural: string, answer: Answer): void {
    this.#answers.set(plural, answer);
  }

  /** What `read` gives for a path. */
  serve(path: string, value: unknown): void {
    this.#reads.set(path, value);
  }

  /** Forgets what has happened so far, as a compaction of etcd does. */
  compact(): void {
    this.#store.forget();
  }

  /** Each watch gets a bookmark. */
  bookmark(): void {
    this.#store.bookmark();
  }

  /** A watch gets something that no server sends. */
  send(resource: Resource, event: WatchEvent): void {
    for (const queue of this.#store.watchers(resource)) queue.push(event);
  }

  /** Watches end, of one kind or all: orderly, or with a failure. */
  closeWatches(resource?: Resource, how: ApiFailure | 'CLOSED' = 'CLOSED'): void {
    this.#store.closeWatches(resource, how);
  }

  /** How many watches of a kind there are. */
  watches(resource: Resource): number {
    return this.#store.watchers(resource).length;
  }

  get resourceVersion(): string {
    return String(this.#store.version);
  }

  // What clients do.

  async list(listed: Listed, query: Query, signal?: AbortSignal): Promise<Page> {
    const call = await this.#begin('list', listed, listed.namespace ?? '', query, signal);
    const [from = '', version = this.#store.version] = parseContinue(query['continue']);
    if (this.#store.isForgotten(version)) throw refusal(call, expired);
    const selected = [...this.#served(call, listed).values()]
      .filter((object) => isWithin(listed, object) && isSelected(object, query))
      .map((object) => [keyOf(object.metadata), object] as const)
      .filter(([key]) => key > from)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const page = selected.slice(0, Number(query['limit'] ?? Infinity));
    const last = page.at(-1)?.[0] ?? '';
    return {
      items: page.map(([, object]) => asItem(object)),
      resourceVersion: String(version),
      continue: page.length < selected.length ? JSON.stringify([last, version]) : '',
    };
  }

  async watch(listed: Listed, query: Query, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>> {
    const call = await this.#begin('watch', listed, listed.namespace ?? '', query, signal);
    this.#served(call, listed);
    const from = Number(query['resourceVersion'] ?? '');
    if (from !== 0 && this.#store.isForgotten(from)) throw refusal(call, expired);
    return this.#store.watch(listed, query, from, signal);
  }

  async get(resource: Resource, place: Place): Promise<unknown> {
    const call = await this.#begin('get', resource, nameOf(place), {}, undefined, place.subresource);
    return clone(this.#found(call, resource, place));
  }

  async create(resource: Resource, namespace: string, object: object): Promise<unknown> {
    const metadata = metadataOf(object);
    const name = textOf(metadata['name']) || `${textOf(metadata['generateName'])}${this.#store.newUid()}`;
    const call = await this.#begin('create', resource, namespace === '' ? name : `${namespace}/${name}`, {});
    const answer = this.#answers.get(resource.plural);
    if (answer) return answer(clone(object) as Record<string, unknown>);
    const objects = this.#served(call, resource);
    if (resource.isNamespaced && namespace === '')
      throw refusal(call, { status: 400, message: 'no namespace' });
    const at = resource.isNamespaced ? { namespace, name } : { name };
    if (objects.has(keyOf(at)))
      throw refusal(call, { status: 409, message: `${resource.plural} "${name}" already exists` });
    const { status, ...rest } = object as Record<string, unknown>;
    const kept = resource.kind === 'Node' && status !== undefined ? { ...rest, status } : rest;
    return clone(this.#store.keep(resource, { ...kept, metadata: { ...metadata, ...at } }, undefined));
  }

  async replace(resource: Resource, place: Place, object: object): Promise<unknown> {
    const call = await this.#begin('update', resource, nameOf(place), {}, undefined, place.subresource);
    const before = this.#found(call, resource, place);
    this.#sameVersion(call, before, metadataOf(object)['resourceVersion']);
    return clone(this.#change(resource, before, object as Record<string, unknown>, place));
  }

  async patch(resource: Resource, place: Place, patch: Patch, object: object): Promise<unknown> {
    const call = await this.#begin('patch', resource, nameOf(place), {}, undefined, place.subresource);
    const there = this.#served(call, resource).get(keyOf(place));
    // Apply creates what is not there.
    if (!there && (patch.how === 'merge' || place.subresource === 'status'))
      throw refusal(call, notFound(resource, place));
    const before = there ?? this.#blank(resource, place);
    this.#sameVersion(call, before, metadataOf(object)['resourceVersion']);
    if (patch.how === 'merge')
      return clone(
        this.#change(resource, before, merge(before, clone(object)) as Record<string, unknown>, place),
      );
    const managed = before.metadata.managedFields ?? [];
    const applied = apply(before, managed, {
      manager: patch.fieldManager,
      subresource: place.subresource ?? '',
      force: patch.force,
      applied: clone(object) as Record<string, unknown>,
    });
    const [conflict] = applied.conflicts;
    if (conflict)
      throw refusal(call, { status: 409, message: `conflict with "${conflict.manager}": .${conflict.path}` });
    const metadata = { ...metadataOf(applied.object), managedFields: applied.managed };
    const changed = { ...applied.object, metadata };
    return clone(
      there ? this.#change(resource, before, changed, place) : this.#store.keep(resource, changed, undefined),
    );
  }

  async remove(resource: Resource, place: Place): Promise<void> {
    const call = await this.#begin('delete', resource, nameOf(place), {});
    this.#store.drop(resource, this.#found(call, resource, place));
  }

  async read(path: string): Promise<unknown> {
    const call = await this.#begin('get', path, '', {});
    if (!this.#reads.has(path)) throw refusal(call, { status: 404, message: '404 page not found' });
    return clone(this.#reads.get(path));
  }

  // How it does it.

  async #begin(
    verb: Verb,
    of: Resource | string,
    object: string,
    query: Query,
    signal?: AbortSignal,
    subresource = '',
  ): Promise<SeenCall> {
    const call: SeenCall = { verb, of, object, query, subresource };
    this.calls.push(call);
    await Promise.resolve();
    const plural = typeof of === 'string' ? of : of.plural;
    const at = this.#planned.findIndex((one) => one.verb === verb && one.plural === plural);
    const outcome = at < 0 ? this.before(call) : this.#planned.splice(at, 1)[0]?.outcome;
    if (outcome === 'HANG') await aborted(signal);
    else if (outcome) throw outcome;
    return call;
  }

  #served(call: Call, resource: Resource): Map<string, KeptObject> {
    if (this.#kinds.get(resourceName(resource))?.version !== resource.version)
      throw refusal(call, { status: 404, message: '404 page not found' });
    return this.#store.of(resource);
  }

  #found(call: Call, resource: Resource, place: Place): KeptObject {
    // Asked for its own sake: it refuses names that are no segments of a path.
    objectPath(resource, place);
    const object = this.#served(call, resource).get(keyOf(place));
    if (!object) throw refusal(call, notFound(resource, place));
    return object;
  }

  #sameVersion(call: Call, before: KeptObject, version: unknown): void {
    if (version === undefined || version === '' || version === before.metadata.resourceVersion) return;
    throw refusal(call, {
      status: 409,
      message: 'the object has been modified; please apply your changes to the latest version and try again',
    });
  }

  /** Of the object its status alone, or all but that. */
  #change(resource: Resource, before: KeptObject, object: Record<string, unknown>, place: Place): KeptObject {
    const { status: statusBefore, ...restBefore } = before;
    const { status, ...rest } = object;
    const isStatus = place.subresource === 'status';
    const managedFields = metadataOf(object)['managedFields'] ?? before.metadata.managedFields;
    const [kept, metadata, newStatus] = isStatus
      ? [restBefore, before.metadata, status]
      : [rest, metadataOf(object), statusBefore];
    return this.#store.keep(
      resource,
      {
        ...kept,
        ...(newStatus === undefined ? undefined : { status: newStatus }),
        metadata: managedFields === undefined ? metadata : { ...metadata, managedFields },
      },
      before,
    );
  }

  #blank(resource: Resource, { namespace, name }: Place): KeptObject {
    return {
      ...typeOf(resource),
      metadata: {
        name,
        uid: '',
        resourceVersion: '',
        ...(resource.isNamespaced ? { namespace } : undefined),
      },
    };
  }
}

const expired = { status: 410, message: 'too old resource version' };

const notFound = ({ plural }: Resource, { name }: Place) => ({
  status: 404,
  message: `${plural} "${name}" not found`,
});

const parseContinue = (token: string | undefined): readonly [from?: string, version?: number] =>
  token === undefined ? [] : (JSON.parse(token) as [string, number]);

/** Rejects when the signal aborts, as a call that was given up does. */
const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    const failed = () => reject(new ApiFailure('API_UNREACHABLE', 'the call was given up'));
    if (signal?.aborted) failed();
    else signal?.addEventListener('abort', failed, { once: true });
  });
