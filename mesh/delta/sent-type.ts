import { noVersion, type DeltaRequest, type Resource } from './messages.ts';
import type { KnownVersions } from './known-versions.ts';
import { NameQueue } from './name-queue.ts';
import { OpenPage, read, type Page, type PageSizes } from './page.ts';
import type { Acknowledgement, Produced, ProducedResources, RejectedVersion } from './produced.ts';
import { readRejections } from './rejections.ts';

/** What a response changed, until it is answered. `version` undefined: removed. */
interface InFlight {
  readonly nonce: string;
  readonly changes: ReadonlyMap<
    string,
    { readonly version: string | undefined; readonly previous: string | undefined }
  >;
}

/** How soon a name is looked at: before all others, or in small parts after what is urgent. */
export type Urgency = 'urgent' | 'bulk';

/** What there is of a type now, and which names are neither replaced nor removed for the time being. */
export interface Offer {
  readonly resources: ProducedResources;
  readonly hold: (name: string) => boolean;
}

/** Of one name: the consumer lacks its version, holds one that is gone, or nothing is to be sent now. */
type State = 'LACKED' | 'GONE' | 'SETTLED';

const nothing: ReadonlyMap<string, never> = new Map<string, never>();

/** What one consumer holds of one type as far as the producer knows, and what has yet to be sent to it. */
export class SentType {
  /** Held, or under way to be. */
  readonly #known: KnownVersions;
  readonly #rejected = new Map<string, RejectedVersion>();
  /** Names to compare with what there is. */
  readonly #urgent = new NameQueue();
  readonly #bulk = new NameQueue();
  /** Names that were gone when they were compared. */
  readonly #gone = new NameQueue();
  /** Every name is to be compared. */
  #all: boolean;
  /** The nonce of a response that asks which versions are held of some groups. Until its answer nothing is sent. */
  #listing: string | undefined;
  #inFlight: InFlight | undefined;
  /** The first response, which is sent even when it is empty, and everything with it. */
  completed = false;
  epoch = 0n;

  /** `isMatched`: what the consumer holds has been compared already. */
  constructor(known: KnownVersions, isMatched = false) {
    this.#known = known;
    this.#all = !isMatched;
  }

  /** It is not known what the consumer holds of some names, and it was asked. */
  get listing(): string | undefined {
    return this.#listing;
  }

  awaitList(nonce: string): void {
    this.#listing = nonce;
  }

  /** The consumer holds these names in these versions, and of the others of those that are asked about none. */
  listed(
    isAskedAbout: (name: string) => boolean,
    current: Iterable<string>,
    versions: ReadonlyMap<string, string>,
  ): void {
    this.#listing = undefined;
    this.holdsNone(isAskedAbout, current);
    for (const [name, version] of versions) {
      if (!isAskedAbout(name)) continue;
      this.#known.set(name, version);
      this.#enqueue(name, 'bulk');
    }
  }

  /**
   * The consumer holds none of the names for which it holds, whatever was believed. `current`: those of them that there
   * are now, and maybe more.
   */
  holdsNone(holds: (name: string) => boolean, current: Iterable<string>): void {
    const known = this.#known.others?.() ?? this.#known.keys();
    for (const name of new Set([...current, ...known])) {
      if (!holds(name)) continue;
      this.#known.delete(name);
      this.#enqueue(name, 'bulk');
    }
  }

  get busy(): boolean {
    return this.#inFlight !== undefined || this.#listing !== undefined;
  }

  /** Everything has been sent once, and no name waits to be compared. */
  get isSettled(): boolean {
    if (this.#listing !== undefined) return false;
    const areQueuesEmpty = this.#urgent.isEmpty && this.#bulk.isEmpty && this.#gone.isEmpty;
    return this.completed && !this.#all && areQueuesEmpty;
  }

  /** Something may differ now: the names, or anything, which is never urgent. */
  mark(names: Iterable<string> | undefined, urgency: Urgency = 'urgent'): void {
    if (names === undefined) this.#all = true;
    else for (const name of names) this.#enqueue(name, urgency);
  }

  /** Some name is to be sent in another version. Names that are settled are forgotten on the way to the first such. */
  hasUpserts(offer: Offer): boolean {
    this.#enqueueAll(offer.resources);
    return (this.#next(this.#urgent, offer) ?? this.#next(this.#bulk, offer)) !== undefined;
  }

  /** Some name is to be removed, as far as names have been compared: all, when there are no upserts. */
  hasRemovals(offer: Offer): boolean {
    return this.#nextGone(offer) !== undefined;
  }

  /**
   * What goes into the next response: what is urgent, then of the rest as much as a page takes of it, and removals
   * where these may go and nothing else is left. `more`: upserts are left.
   */
  takePage(
    offer: Offer,
    sizes: PageSizes,
    mayRemove: boolean,
  ): { readonly page: Page; readonly more: boolean } {
    const page = new OpenPage(sizes.max);
    if (!this.#fill(page, this.#urgent, offer)) return { page, more: true };
    page.narrow(sizes.bulk);
    if (!this.#fill(page, this.#bulk, offer)) return { page, more: true };
    if (mayRemove)
      for (
        let name = this.#nextGone(offer);
        name !== undefined && page.remove(name);
        name = this.#nextGone(offer)
      )
        this.#gone.delete(name);
    return { page, more: false };
  }

  sent(nonce: string, { upserts, removed }: Page): void {
    const changes = new Map<string, { version: string | undefined; previous: string | undefined }>();
    for (const { name, version } of upserts) {
      changes.set(name, { version, previous: this.#known.get(name) });
      this.#known.set(name, version);
      this.#rejected.delete(name);
    }
    for (const name of removed) {
      changes.set(name, { version: undefined, previous: this.#known.get(name) });
      this.#known.delete(name);
      this.#rejected.delete(name);
    }
    this.#inFlight = { nonce, changes };
  }

  /** Takes an answer to the last response; undefined when it answers an older one. */
  answer({ nonce, error }: DeltaRequest): Acknowledgement | undefined {
    const inFlight = this.#inFlight;
    if (inFlight?.nonce !== nonce) return undefined;
    this.#inFlight = undefined;
    const refused = error === '' ? nothing : readRejections(error, inFlight.changes.keys());
    const applied = new Map<string, string>();
    const removed: string[] = [];
    const rejected = new Map<string, RejectedVersion>();
    for (const [name, { version, previous }] of inFlight.changes) {
      const reason = refused.get(name);
      if (version === undefined) removed.push(name);
      else if (reason === undefined) {
        applied.set(name, version);
        // While this one was under way, another one may have been refused: it may be what there is now.
        if (this.#rejected.delete(name)) this.#enqueue(name, 'urgent');
      } else {
        rejected.set(name, { version, reason });
        this.#restore(name, previous);
        this.#rejected.set(name, { version, reason });
        // It may have changed while the refused version was under way.
        this.#enqueue(name, 'urgent');
      }
    }
    return { applied, removed, rejected };
  }

  /** What was refused is offered once more; false when nothing was. */
  retry(): boolean {
    if (this.#rejected.size === 0) return false;
    for (const name of this.#rejected.keys()) this.#enqueue(name, 'urgent');
    this.#rejected.clear();
    return true;
  }

  /** What the consumer has refused and not taken since, by name. */
  get rejected(): ReadonlyMap<string, RejectedVersion> {
    return this.#rejected;
  }

  /** Names that the consumer holds in some version, has refused, or is being sent. Visits all of them. */
  heldNames(): ReadonlySet<string> {
    return new Set([
      ...this.#known.keys(),
      ...this.#rejected.keys(),
      ...(this.#inFlight?.changes.keys() ?? []),
    ]);
  }

  /** How many resources the consumer has acknowledged, in whatever version. Visits all that it holds. */
  get acknowledgedCount(): number {
    let count = [...this.#known.keys()].length;
    for (const { version, previous } of this.#inFlight?.changes.values() ?? []) {
      if (version !== undefined && previous === undefined) count--;
      if (version === undefined && previous !== undefined) count++;
    }
    return count;
  }

  acknowledged(name: string): string | RejectedVersion | undefined {
    const flying = this.#inFlight?.changes.get(name);
    const version = flying ? flying.previous : this.#known.get(name);
    return this.#rejected.get(name) ?? (version === noVersion ? undefined : version);
  }

  #enqueue(name: string, urgency: Urgency): void {
    this.#gone.delete(name);
    if (urgency === 'urgent') {
      this.#bulk.delete(name);
      this.#urgent.add(name);
    } else if (!this.#urgent.has(name)) this.#bulk.add(name);
  }

  #enqueueAll(resources: ProducedResources): void {
    if (!this.#all) return;
    this.#all = false;
    for (const names of [resources.keys(), this.#known.keys(), this.#rejected.keys()])
      for (const name of names) this.#enqueue(name, 'bulk');
  }

  /** The first name of a queue that is to be sent. Those before it leave the queue. */
  #next(queue: NameQueue, offer: Offer): Upsert | undefined {
    for (let name = queue.first; name !== undefined; name = queue.first) {
      const produced = offer.resources.get(name);
      const state = this.#stateOf(name, produced?.version, offer.hold);
      if (state === 'LACKED' && produced) return { name, produced };
      queue.delete(name);
      if (state === 'GONE') this.#gone.add(name);
    }
    return undefined;
  }

  #nextGone({ resources, hold }: Offer): string | undefined {
    for (let name = this.#gone.first; name !== undefined; name = this.#gone.first) {
      const state = this.#stateOf(name, resources.get(name)?.version, hold);
      if (state === 'GONE') return name;
      this.#gone.delete(name);
      if (state === 'LACKED') this.#urgent.add(name);
    }
    return undefined;
  }

  /**
   * What the consumer refused and is gone is removed too, as something may stand in for it there. A version that was
   * refused is not sent again.
   */
  #stateOf(name: string, current: string | undefined, hold: Offer['hold']): State {
    const known = this.#known.get(name);
    const wasRefused = current === undefined && this.#rejected.has(name);
    if (current === known && !wasRefused) {
      this.#rejected.delete(name);
      return 'SETTLED';
    }
    if (known !== undefined && hold(name)) return 'SETTLED';
    if (current === undefined) return 'GONE';
    return this.#rejected.get(name)?.version === current ? 'SETTLED' : 'LACKED';
  }

  /** False when something of the queue found no room. */
  #fill(page: OpenPage, queue: NameQueue, offer: Offer): boolean {
    for (let next = this.#next(queue, offer); next; next = this.#next(queue, offer)) {
      const resource = read(next.name, next.produced);
      const placing = page.upsert(resource);
      if (placing === 'NO_ROOM') return false;
      if (placing === 'TOO_LARGE') this.#rejectTooLarge(resource);
      queue.delete(next.name);
    }
    return true;
  }

  #rejectTooLarge({ name, version, body }: Resource): void {
    this.#rejected.set(name, { version, reason: `${body.length} bytes are more than fit into one message` });
  }

  /**
   * Names that the consumer has yet to acknowledge as they are now, or has refused. Costs what waits, is under way or
   * was refused.
   */
  *outstanding(resources: ProducedResources): Iterable<string> {
    this.#enqueueAll(resources);
    const names = [...this.#urgent, ...this.#bulk, ...this.#gone, ...this.#rejected.keys()];
    for (const name of new Set([...names, ...(this.#inFlight?.changes.keys() ?? [])]))
      if (this.acknowledged(name) !== resources.get(name)?.version) yield name;
  }

  #restore(name: string, previous: string | undefined): void {
    if (previous === undefined) this.#known.delete(name);
    else this.#known.set(name, previous);
  }
}

interface Upsert {
  readonly name: string;
  readonly produced: Produced;
}
