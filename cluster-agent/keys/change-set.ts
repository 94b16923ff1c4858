import type {
  Activation,
  HubAddress,
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { formatTouched, type Touched } from './touched.ts';

/** One thing as it was and as it is. At least one of the two is there. */
export interface Change<T extends object> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

/** What a resource of the hub is, by its type. */
export interface HubResourceOf {
  readonly 'hub-address': HubAddress;
  readonly 'trust-bundle': TrustBundle;
  readonly intermediate: Intermediate;
  readonly activation: Activation;
  readonly policy: CompiledPolicy;
  readonly traffic: TrafficPolicy;
  readonly diversion: TrafficShift;
  readonly member: Member;
  readonly grant: ExportGrant;
  readonly remote: RemoteService;
}

/** A resource that the hub has sent, decoded. */
export type HubResource = HubResourceOf[DownType];

/** What is stored: an object of the cluster, or a resource of the hub. */
export type Stored = ClusterObject | HubResource;

interface Entry {
  readonly key: Touched;
  /** Undefined for most keys, as only stored things have forms: a first delta has hundreds of thousands of keys. */
  forms: Set<Stored> | undefined;
}

/**
 * The keys that changes have touched: each once, in the order in which it was touched first. A key that is touched stays
 * in the set, also when its object returns to the form that it had, as somebody may have seen the other form meanwhile.
 */
export class ChangeSet implements Iterable<Touched> {
  readonly #entries = new Map<string, Entry>();

  /** An equal key is the same key, by its format. */
  add(key: Touched): void {
    this.#entry(key);
  }

  addStored(key: Touched, { before, after }: Change<Stored>): void {
    const forms = (this.#entry(key).forms ??= new Set());
    if (before) forms.add(before);
    if (after) forms.add(after);
  }

  has(key: Touched): boolean {
    return this.#entries.has(formatTouched(key));
  }

  /** Every form that it has had since this set began: what a selector met in between is reached as well. */
  formsOf(key: Touched): readonly Stored[] {
    return [...(this.#entries.get(formatTouched(key))?.forms ?? [])];
  }

  /** Adds what was touched after this set. */
  merge(later: ChangeSet): void {
    for (const [format, entry] of later.#entries) this.#include(format, entry);
  }

  /** Adds one key of another set, with its forms, by its format. */
  include(from: ChangeSet, format: string): void {
    const entry = from.#entries.get(format);
    if (entry) this.#include(format, entry);
  }

  /** The key that is written so, if it is in the set. */
  keyOf(format: string): Touched | undefined {
    return this.#entries.get(format)?.key;
  }

  delete(format: string): void {
    this.#entries.delete(format);
  }

  /** Keys with their formats. */
  *entries(): Iterable<readonly [format: string, key: Touched]> {
    for (const [format, { key }] of this.#entries) yield [format, key];
  }

  get size(): number {
    return this.#entries.size;
  }

  *[Symbol.iterator](): Iterator<Touched> {
    for (const { key } of this.#entries.values()) yield key;
  }

  #entry(key: Touched): Entry {
    const text = formatTouched(key);
    const known = this.#entries.get(text);
    if (known) return known;
    const entry: Entry = { key, forms: undefined };
    this.#entries.set(text, entry);
    return entry;
  }

  #include(format: string, { key, forms }: Entry): void {
    const known = this.#entries.get(format);
    if (!known) this.#entries.set(format, { key, forms: forms && new Set(forms) });
    else if (forms) known.forms = new Set([...(known.forms ?? []), ...forms]);
  }
}
