import type { IncomingMessage } from 'node:http';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Verb } from './access.ts';
import type { ApiServer, Listed, Page, Patch, Place, Query, Resource, WatchEvent } from './api-server.ts';
import { HttpsCalls, type Credentials, type Sent } from './https-calls.ts';
import { Lines } from './json-lines.ts';
import { refusal, type Call } from './refusal.ts';
import { silenceMillis } from './reflector.ts';
import { collectionPath, objectPath } from './resource-path.ts';
import { broken, unreadable } from './unanswered.ts';

/** No byte of an answer may be waited for longer than this; a watch has its own limit. */
const bodyMillis = 30_000;
/** A page of 500 objects of 250 KB. */
export const maxBodyBytes = 128 * 1024 * 1024;
/** etcd takes objects of 1.5 MiB, which JSON may write longer. */
export const maxLineBytes = 8 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;

interface Asked extends Sent {
  readonly call: Call;
}

const patchTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
} as const;

const watchTypes: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/** An API server over HTTPS. Every failure is an `ApiFailure` whose message names verb, resource, object and remedy. */
export class HttpsApiServer implements ApiServer {
  readonly #calls: HttpsCalls;

  constructor(credentials: () => Promise<Credentials>, clock: Clock) {
    this.#calls = new HttpsCalls(credentials, clock);
  }

  async list(listed: Listed, query: Query, signal?: AbortSignal): Promise<Page> {
    const asked = { ...askedOfMany('list', listed, query), signal };
    return pageOf(asked.call, await this.#json(asked));
  }

  async watch(listed: Listed, query: Query, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>> {
    const asked = { ...askedOfMany('watch', listed, { ...query, watch: 'true' }), signal };
    return this.#events(asked, await this.#accepted(asked));
  }

  async get(resource: Resource, place: Place): Promise<unknown> {
    return this.#json(askedOfOne('get', 'GET', resource, place));
  }

  async create(resource: Resource, namespace: string, object: object): Promise<unknown> {
    const call: Call = { verb: 'create', of: resource, object: objectName(namespace, object) };
    const path = collectionPath(resource, namespace);
    return this.#json({ call, method: 'POST', path, body: json(typed(resource, object)) });
  }

  async replace(resource: Resource, place: Place, object: object): Promise<unknown> {
    const asked = askedOfOne('update', 'PUT', resource, place);
    return this.#json({ ...asked, body: json(typed(resource, object)) });
  }

  async patch(resource: Resource, place: Place, patch: Patch, object: object): Promise<unknown> {
    const asked = askedOfOne('patch', 'PATCH', resource, place);
    const query =
      patch.how === 'apply' ? { fieldManager: patch.fieldManager, force: String(patch.force) } : {};
    const body = patch.how === 'apply' ? typed(resource, object) : object;
    return this.#json({
      ...asked,
      path: withQuery(asked.path, query),
      body: json(body, patchTypes[patch.how]),
    });
  }

  async remove(resource: Resource, place: Place): Promise<void> {
    await this.#json(askedOfOne('delete', 'DELETE', resource, place));
  }

  async read(path: string): Promise<unknown> {
    const call: Call = { verb: 'get', of: path, object: '' };
    const asked = { call, method: 'GET', path };
    const response = await this.#accepted(asked);
    const text = await this.#text(asked, response, maxBodyBytes);
    return /\bjson\b/.test(response.headers['content-type'] ?? '') ? parsed(call, text) : text;
  }

  async #json(asked: Asked): Promise<unknown> {
    const text = await this.#text(asked, await this.#accepted(asked), maxBodyBytes);
    return parsed(asked.call, text);
  }

  /** The head of an answer that is a success. */
  async #accepted(asked: Asked): Promise<IncomingMessage> {
    const response = await this.#calls.send(asked).catch((error: unknown) => {
      throw broken(asked.call, error);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await this.#text(asked, response, maxErrorBytes);
    throw refusal(asked.call, { status, ...statusOf(text), ...retryAfterOf(response) });
  }

  async #text({ call, signal }: Asked, response: IncomingMessage, max: number): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of this.#calls.chunks(response, bodyMillis, signal)) {
        bytes += chunk.length;
        if (bytes > max) throw unreadable(call, `has more than ${max} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw broken(call, error);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async *#events({ call, signal }: Asked, response: IncomingMessage): AsyncIterable<WatchEvent> {
    const lines = new Lines(maxLineBytes);
    try {
      for await (const chunk of this.#calls.chunks(response, silenceMillis, signal))
        for (const line of lines.feed(chunk)) yield eventOf(call, line);
    } catch (error) {
      throw broken(call, error);
    }
  }
}

const askedOfMany = (verb: Verb, listed: Listed, query: Query): Asked => ({
  call: { verb, of: listed, object: listed.namespace ?? '' },
  method: 'GET',
  path: withQuery(collectionPath(listed, listed.namespace ?? ''), query),
});

const askedOfOne = (verb: Verb, method: string, resource: Resource, place: Place): Asked => ({
  call: {
    verb,
    of: resource,
    object: place.namespace === '' ? place.name : `${place.namespace}/${place.name}`,
    subresource: place.subresource ?? '',
  },
  method,
  path: objectPath(resource, place),
});

const withQuery = (path: string, query: Query): string =>
  Object.keys(query).length === 0 ? path : `${path}?${new URLSearchParams(query).toString()}`;

const json = (object: object, type = 'application/json') => ({ type, text: JSON.stringify(object) });

const typed = ({ group, version, kind }: Resource, object: object): object => ({
  ...object,
  apiVersion: group === '' ? version : `${group}/${version}`,
  kind,
});

function objectName(namespace: string, object: object): string {
  const { name, generateName } =
    (object as { metadata?: { name?: unknown; generateName?: unknown } }).metadata ?? {};
  const text = typeof name === 'string' ? name : typeof generateName === 'string' ? `${generateName}*` : '';
  return namespace === '' ? text : `${namespace}/${text}`;
}

function parsed(call: Call, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw unreadable(call, 'is not JSON');
  }
}

interface Loose {
  readonly [field: string]: unknown;
}

const loosely = (value: unknown): Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};

function pageOf(call: Call, answer: unknown): Page {
  const { items, metadata } = loosely(answer);
  const { resourceVersion, continue: next = '' } = loosely(metadata);
  // A list without items is written as null.
  if ((items !== null && !Array.isArray(items)) || typeof resourceVersion !== 'string')
    throw unreadable(call, 'is no list of objects with a resourceVersion');
  if (typeof next !== 'string') throw unreadable(call, 'says in no text where it goes on');
  return { items: (items ?? []) as readonly unknown[], resourceVersion, continue: next };
}

function eventOf(call: Call, line: string): WatchEvent {
  const { type, object } = loosely(parsed(call, line));
  if (!watchTypes.has(type)) throw unreadable(call, 'has a line that is no event');
  if (type !== 'ERROR') return { type: type as WatchEvent['type'], object };
  const { code, message } = loosely(object);
  throw refusal(call, {
    status: typeof code === 'number' ? code : 500,
    message: typeof message === 'string' ? message : 'the watch has failed',
    ...retryAfterIn(object),
  });
}

/** What the Status object says that an API server sends with a failure; what stands before it may send any text. */
function statusOf(text: string): { message: string; retryAfterMillis?: number } {
  try {
    const status: unknown = JSON.parse(text);
    const { message } = loosely(status);
    return { message: typeof message === 'string' ? message : '', ...retryAfterIn(status) };
  } catch {
    return { message: text };
  }
}

function retryAfterIn(status: unknown): { retryAfterMillis?: number } {
  const { retryAfterSeconds } = loosely(loosely(status)['details']);
  return typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0
    ? { retryAfterMillis: retryAfterSeconds * 1000 }
    : {};
}

function retryAfterOf({ headers }: IncomingMessage): { retryAfterMillis?: number } {
  const seconds = Number(headers['retry-after'] ?? '');
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMillis: seconds * 1000 } : {};
}
