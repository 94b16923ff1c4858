import type { Random } from '@isthmus/mesh/process/random.ts';
import { ApiFailure } from './api-failure.ts';
import type { Listed, Page, Query, Resource, WatchEvent } from './api-server.ts';
import { waitBefore } from './wait-before.ts';

/** How many objects a page of a list has. */
export const pageSize = 500;
/** A watch is ended by the server after so many seconds, drawn for each, so that they do not all end at once. */
const watchSeconds = { min: 290, max: 350 };
/** A kind that is missing is asked for so often. */
export const missingMillis = 4000;
/** A watch that ends sooner than this is waited for like a failed one. */
const shortMillis = 1000;
/** A list that has no end: a million objects. */
export const maxPages = 2000;

/** What is to be done next. */
export type Step =
  | { readonly do: 'list'; readonly query: Query }
  | { readonly do: 'watch'; readonly query: Query }
  | { readonly do: 'wait'; readonly millis: number };

/** One object is another now, or is gone. `key` is `<namespace>/<name>`; `object` has its apiVersion and kind. */
export type ObjectChange =
  | { readonly type: 'put'; readonly key: string; readonly object: object }
  | { readonly type: 'gone'; readonly key: string };

/** UNKNOWN: not listed yet. MISSING: the server does not have the kind. */
export type Known = 'UNKNOWN' | 'LISTED' | 'MISSING';

/** A list that has begun: where it goes on, and what it has had so far. */
interface Listing {
  readonly continue: string;
  readonly had: Map<string, string>;
  /** Objects without a name: what the list lacks may be one of them. */
  readonly unnamed: number;
  readonly pages: number;
}

const newListing = (): Listing => ({ continue: '', had: new Map(), unnamed: 0, pages: 0 });

/** What went wrong last, until the same goes well. */
export interface Trouble {
  readonly verb: 'list' | 'watch';
  readonly failure: ApiFailure;
  /** How many failures in a row had this code. */
  readonly times: number;
}

/**
 * The objects of one kind by list and watch: which of them are known, in which version, and what to do next. It does
 * nothing by itself: the reflector carries out its steps and reports what came of them. No time passes in it.
 */
export class Reflection {
  /** The kind in each version by which it is read. */
  readonly #versionsServed: readonly Listed[];
  readonly #query: Query;
  readonly #random: Random;
  /** Which of `#versionsServed` is asked for. */
  #served = 0;
  /** The resourceVersion of each known object, by key. */
  #versions = new Map<string, string>();
  #known: Known = 'UNKNOWN';
  #listing: Listing | undefined = newListing();
  #resourceVersion = '';
  /** Failures, and watches that ended too soon, since something was learned from a watch. */
  #failures = 0;
  /** Milliseconds to wait before the next step. */
  #wait = 0;
  /** How often in a row the server said that it does not have the kind, although objects of it are known. */
  #misses = 0;
  #trouble: Trouble | undefined;
  /** Items and events whose object has no name: they are refused, each alone. */
  #unnamed = 0;

  /** `query`: selectors, which each list and watch has. `older`: versions to try when the server lacks the resource's. */
  constructor(resource: Listed, query: Query, random: Random, older: readonly string[] = []) {
    this.#versionsServed = [resource, ...older.map((version) => ({ ...resource, version }))];
    this.#query = query;
    this.#random = random;
  }

  /** In the version that is asked for. */
  get resource(): Listed {
    return this.#versionsServed[this.#served] ?? neverEmpty();
  }

  get known(): Known {
    return this.#known;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** How many objects were refused as they have no name. */
  get unnamed(): number {
    return this.#unnamed;
  }

  get size(): number {
    return this.#versions.size;
  }

  next(): Step {
    const millis = this.#wait;
    this.#wait = 0;
    if (millis > 0) return { do: 'wait', millis };
    return this.#listing
      ? { do: 'list', query: listQuery(this.#query, this.#listing.continue) }
      : { do: 'watch', query: watchQuery(this.#query, this.#resourceVersion, this.#random) };
  }

  /** What a page changes: of the last one also what the list lacks. */
  page(page: Page): readonly ObjectChange[] {
    const listing = this.#listing ?? newListing();
    if (listing.pages >= maxPages) return this.failed(endless(this.resource));
    const named = page.items.filter((item) => keyOf(item) !== undefined);
    const unnamed = listing.unnamed + page.items.length - named.length;
    this.#unnamed += page.items.length - named.length;
    const changes = named.flatMap((item) => this.#listed(item, listing.had));
    this.#misses = 0;
    if (this.#trouble?.verb === 'list') this.#trouble = undefined;
    if (page.continue !== '') {
      this.#listing = { continue: page.continue, had: listing.had, unnamed, pages: listing.pages + 1 };
      return changes;
    }
    // A list from which a name is missing does not say what is gone.
    const gone = unnamed > 0 ? [] : [...this.#versions.keys()].filter((key) => !listing.had.has(key));
    for (const key of gone) this.#versions.delete(key);
    this.#listing = undefined;
    this.#resourceVersion = page.resourceVersion;
    this.#known = 'LISTED';
    return [...changes, ...gone.map((key) => ({ type: 'gone', key }) as const)];
  }

  /** The server has accepted a watch. */
  watching(): void {
    this.#trouble = undefined;
    this.#misses = 0;
  }

  /** What an event of a watch changes. */
  event({ type, object }: WatchEvent): readonly ObjectChange[] {
    const key = keyOf(object);
    const version = versionOf(object);
    if (type === 'BOOKMARK' ? version === '' : key === undefined) {
      this.#unnamed++;
      return [];
    }
    this.#failures = 0;
    if (version !== '') this.#resourceVersion = version;
    if (type === 'BOOKMARK' || key === undefined) return [];
    if (type !== 'DELETED') return this.#put(key, version, object);
    return this.#versions.delete(key) ? [{ type: 'gone', key }] : [];
  }

  /** A watch has ended, or was silent for too long: it goes on from the last version seen. */
  ended(lastedMillis: number): void {
    if (lastedMillis >= shortMillis) this.#failures = 0;
    else this.#backOff(undefined);
  }

  /** A list or a watch has failed. What this changes: a kind that is gone takes its objects with it. */
  failed(failure: ApiFailure): readonly ObjectChange[] {
    if (failure.code === 'API_NOT_FOUND') return this.#missing();
    this.#misses = 0;
    const verb = this.#listing ? 'list' : 'watch';
    const isFirst = this.#failures === 0;
    if (failure.code === 'API_GONE') {
      this.#restart();
      // That a version is forgotten is no fault; that the list is forgotten too, again and again, is one.
      if (isFirst) {
        this.#failures++;
        return [];
      }
    }
    // What was in a line that cannot be read, only a list can say.
    if (failure.code === 'API_MALFORMED') this.#restart();
    const times = this.#trouble?.failure.code === failure.code ? this.#trouble.times + 1 : 1;
    this.#trouble = { verb, failure, times };
    this.#backOff(failure);
    return [];
  }

  #restart(): void {
    this.#listing = newListing();
  }

  /**
   * One answer of 404 does not empty a kind that has objects: it may come from what stands before the API server, and a
   * policy that is dropped opens its workloads.
   */
  #missing(): readonly ObjectChange[] {
    this.#failures = 0;
    this.#served = (this.#served + 1) % this.#versionsServed.length;
    if (this.#served > 0) {
      this.#restart();
      return [];
    }
    this.#misses++;
    this.#wait = missingMillis;
    this.#restart();
    if (this.#versions.size > 0 && this.#misses < 2) return [];
    this.#trouble = undefined;
    this.#known = 'MISSING';
    const gone = [...this.#versions.keys()].map((key) => ({ type: 'gone', key }) as const);
    this.#versions.clear();
    return gone;
  }

  #backOff(failure: ApiFailure | undefined): void {
    this.#wait = waitBefore(this.#failures++, failure, this.#random);
  }

  /** An object that has not changed since it was seen is no news. */
  #listed(item: unknown, had: Map<string, string>): readonly ObjectChange[] {
    const key = keyOf(item) ?? '';
    const version = versionOf(item);
    had.set(key, version);
    return version !== '' && this.#versions.get(key) === version ? [] : this.#put(key, version, item);
  }

  #put(key: string, version: string, object: unknown): readonly ObjectChange[] {
    this.#versions.set(key, version);
    const { group, version: served, kind } = this.resource;
    const apiVersion = group === '' ? served : `${group}/${served}`;
    return [{ type: 'put', key, object: { ...(object as object), apiVersion, kind } }];
  }
}

/** A page of a list that is read consistently, as no resourceVersion is given. */
export const listQuery = (query: Query, from: string): Query => ({
  ...query,
  limit: String(pageSize),
  ...(from === '' ? undefined : { continue: from }),
});

/** A watch from a version on, which the server ends at a time that is drawn. */
export function watchQuery(query: Query, resourceVersion: string, random: Random): Query {
  const { min, max } = watchSeconds;
  const seconds = min + Math.floor(random.fraction() * (max - min + 1));
  return {
    ...query,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(seconds),
  };
}

const neverEmpty = (): never => {
  throw new Error('a reflection has a resource');
};

const endless = ({ kind }: Resource): ApiFailure =>
  new ApiFailure(
    'API_MALFORMED',
    `the list of ${kind} objects has more than ${maxPages} pages of ${pageSize}: what is known of them stays; delete what is not needed`,
  );

interface LooseMetadata {
  readonly name?: unknown;
  readonly namespace?: unknown;
  readonly resourceVersion?: unknown;
}

function metadataOf(object: unknown): LooseMetadata {
  const { metadata } = (object ?? {}) as { metadata?: unknown };
  return typeof metadata === 'object' && metadata !== null ? metadata : {};
}

/** `<namespace>/<name>`; undefined for what has no name. */
function keyOf(object: unknown): string | undefined {
  const { name, namespace = '' } = metadataOf(object);
  if (typeof name !== 'string' || name === '' || typeof namespace !== 'string') return undefined;
  return `${namespace}/${name}`;
}

function versionOf(object: unknown): string {
  const { resourceVersion } = metadataOf(object);
  return typeof resourceVersion === 'string' ? resourceVersion : '';
}
