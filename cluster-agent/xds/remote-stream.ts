import type { ProxyHolds } from '@isthmus/api/domain/replica.ts';
import type { TypeCounts } from '@isthmus/api/domain/question.ts';
import { proxyTypes, typeUrls, upstreamTypes } from '@isthmus/api/wire/type-urls.ts';
import type { KnownVersions } from '@isthmus/mesh/delta/known-versions.ts';
import type { Acknowledgement, RejectedVersion } from '@isthmus/mesh/delta/produced.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import type { Projection } from '../publish/audience.ts';
import type { ClientView } from './client-view.ts';
import type { HeldStream, Replaced } from './held-stream.ts';

/** Names that one proxy is believed to hold of one type. A cluster of 10,000 pods has some 12,000 addresses. */
const maxNames = 400_000;

/**
 * The stream that a proxy has at another replica of the agent, as that says. What the proxy holds is compared with what
 * this replica would send it: both derive the same of the same objects.
 */
export class RemoteStream implements HeldStream {
  readonly view: ClientView;
  readonly types: readonly string[];
  readonly openedAt: number;
  readonly peer = '';
  readonly unanswered = 0;
  returned = false;
  /** Of workloads it remembers what is held otherwise than it is now. */
  #addresses: SharedVersions;
  readonly #held = new Map<string, Map<string, string>>();
  readonly #rejected = new Map<string, Map<string, RejectedVersion>>();
  readonly #completed = new Set<string>();

  constructor(view: ClientView, openedAt: number) {
    this.view = view;
    this.openedAt = openedAt;
    this.types = view.audience === 'upstream' ? upstreamTypes : proxyTypes;
    this.#addresses = new SharedVersions(view.workloads, new Map());
  }

  /** What the other replica says that the proxy holds. Undefined: of a type that it does not take, or of too much. */
  take({ type, begins, completed, returned, held, none }: ProxyHolds): Acknowledgement | undefined {
    if (!this.types.includes(type)) return undefined;
    const rejected = this.#rejected.get(type) ?? new Map<string, RejectedVersion>();
    this.#rejected.set(type, rejected);
    if (begins) {
      this.#forget(type);
      rejected.clear();
    }
    const known = this.#knownOf(type);
    if (sizeOf(known) + rejected.size + held.length > maxNames) return undefined;
    this.returned ||= returned;
    if (completed) this.#completed.add(type);
    const applied = new Map<string, string>();
    const news = new Map<string, RejectedVersion>();
    for (const { name, version, refused } of held)
      if (refused === '') {
        known.set(name, version);
        rejected.delete(name);
        applied.set(name, version);
      } else news.set(name, { version, reason: refused });
    for (const [name, one] of news) rejected.set(name, one);
    for (const name of none) {
      known.delete(name);
      rejected.delete(name);
    }
    return { applied, removed: none, rejected: news };
  }

  begin(projection: Projection): void {
    this.view.projection = projection;
    // Of what is there now the proxy holds only what was named.
    for (const name of this.view.workloads.keys()) this.#addresses.keep(name, undefined);
  }

  keep(replaced: readonly Replaced[]): void {
    for (const { name, version } of replaced) this.#addresses.keep(name, version);
  }

  get complete(): boolean {
    return this.types.every((type) => this.#completed.has(type));
  }

  acknowledged(type: string, name: string): string | RejectedVersion | undefined {
    return this.#rejected.get(type)?.get(name) ?? this.#knownOf(type).get(name);
  }

  rejected(type: string): ReadonlyMap<string, RejectedVersion> {
    return this.#rejected.get(type) ?? new Map<string, RejectedVersion>();
  }

  *outstanding(type: string): Iterable<string> {
    const current = this.view.resources(type);
    const candidates =
      type === typeUrls.address
        ? [...this.#addresses.others(), ...this.rejected(type).keys()]
        : [...current.keys(), ...this.#knownOf(type).keys(), ...this.rejected(type).keys()];
    for (const name of new Set(candidates))
      if (this.acknowledged(type, name) !== current.get(name)?.version) yield name;
  }

  get counts(): readonly TypeCounts[] {
    return this.types.map((type) => ({
      type,
      acknowledged: [...this.#knownOf(type).keys()].length,
      rejected: this.rejected(type).size,
    }));
  }

  #knownOf(type: string): KnownVersions {
    if (type === typeUrls.address) return this.#addresses;
    const known = this.#held.get(type) ?? new Map<string, string>();
    this.#held.set(type, known);
    return known;
  }

  #forget(type: string): void {
    this.#completed.delete(type);
    this.#held.delete(type);
    if (type === typeUrls.address) this.#addresses = new SharedVersions(this.view.workloads, new Map());
  }
}

/** What it remembers by name: what is shared with the projection costs nothing. */
const sizeOf = (known: KnownVersions): number =>
  known instanceof SharedVersions ? known.size : known instanceof Map ? known.size : 0;
