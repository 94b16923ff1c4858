import { err, ok, type Result } from '../result.ts';
import { differingGroups, digestsOfProduced, type Digests } from './digest.ts';
import type { DeltaRequest, DeltaResponse, ResourceType } from './messages.ts';
import type { PageSizes } from './page.ts';
import type { KnownVersions } from './known-versions.ts';
import type { Acknowledgement, ProducedResources, ProducedType, RejectedVersion } from './produced.ts';
import { SentType, type Offer, type Urgency } from './sent-type.ts';

export interface Producer<Type extends ResourceType = ResourceType> {
  /** In the order in which new things must reach the consumer; what goes away leaves in the opposite order. */
  readonly types: readonly Type[];
  /** Types that hold later ones back until the consumer has asked for them. */
  readonly awaited?: ReadonlySet<Type>;
  /**
   * What there is now. All types are read from one consistent state: code that replaces it calls `changed` for every
   * type that differs before `next` is called again.
   */
  lookup(type: Type): ProducedType;
  /**
   * True: a name that the consumer holds in some version is neither replaced nor removed for the time being. When it
   * becomes false, `changed` says so.
   */
  hold?(type: Type, name: string): boolean;
  /** What the consumer holds, by what it says when it opens the type; undefined: a map of its own. */
  known?(type: Type, held: ReadonlyMap<string, string> | 'ALL'): KnownVersions | undefined;
  /** In which group a name is, for consumers that say by digests what they hold; absent: all are in the group ''. */
  groupOf?(type: Type, name: string): string;
  /** Names that there are now in some groups, and maybe more; absent: all names are looked at. */
  namesIn?(type: Type, groups: ReadonlySet<string>): Iterable<string>;
  /** The digests of what there is; absent: they are worked out of all resources. */
  digests?(type: Type): Digests;
  onAck?(type: Type, acknowledgement: Acknowledgement): void;
  /** Bytes of names and bodies in one response, by default 3 MiB. A resource that is larger alone is never sent. */
  readonly maxBytes?: number;
  /** Of these, bytes of what is not urgent: in the first responses of a type, and after them. By default all of them. */
  readonly firstBytes?: number;
  readonly bulkBytes?: number;
}

/** What a request was. A stale one answers a response that is not the last, and changes nothing. */
export type Heard = 'opened' | 'acknowledged' | 'rejected' | 'stale' | 'unknown-type';

const mebibyte = 1024 * 1024;

/**
 * The producing end of one delta stream, without I/O. Nothing queues: `next` is pulled when the stream can be
 * written and answers from the latest state, so a slow reader skips what came and went meanwhile. One response of a
 * type is under way at a time; types do not wait for one another's acknowledgements, only for their sending.
 */
export class ServerSession<Type extends ResourceType = ResourceType> {
  readonly #producer: Producer<Type>;
  readonly #sent = new Map<Type, SentType>();
  /** What consumers say by digests, until there is something to compare it with. */
  readonly #digests = new Map<Type, Digests>();
  readonly #groupsToList = new Map<Type, ReadonlySet<string>>();
  /** Types of which something may be to be said. Others are passed over: a hub has thousands of sessions. */
  readonly #unsettled = new Set<Type>();
  readonly #holds = new Map<Type, Offer['hold']>();
  #nonces = 0;

  constructor(producer: Producer<Type>) {
    this.#producer = producer;
  }

  /** The error is for the consumer: it asked for something that is not offered, and the stream should end. */
  request(request: DeltaRequest): Result<Heard, string> {
    const { subscribe, unsubscribe } = request;
    if (unsubscribe.length > 0 || subscribe.some((name) => name !== '*'))
      return err(
        `${request.type}: only the subscription to everything is offered; subscribe and unsubscribe no names`,
      );
    const type = this.#producer.types.find((one) => one === request.type);
    if (type === undefined) return ok('unknown-type');
    const sent = this.#sent.get(type);
    if (!sent && request.digests) {
      this.#digests.set(type, request.digests);
      return ok('opened');
    }
    this.#unsettled.add(type);
    if (sent?.listing !== undefined) return ok(this.#list(type, sent, request));
    if (!sent) {
      this.#sent.set(type, new SentType(this.#knownOf(type, request)));
      return ok('opened');
    }
    const acknowledgement = sent.answer(request);
    if (!acknowledgement) return ok('stale');
    this.#producer.onAck?.(type, acknowledgement);
    return ok(request.error === '' ? 'acknowledged' : 'rejected');
  }

  /** Takes the versions that it was asked for. */
  #list(type: Type, sent: SentType, { nonce, initialVersions }: DeltaRequest): Heard {
    if (nonce !== sent.listing) return 'stale';
    const groupsToList = this.#groupsToList.get(type) ?? new Set<string>();
    this.#groupsToList.delete(type);
    const current = this.#namesIn(type, groupsToList);
    sent.listed((name) => groupsToList.has(this.#groupOf(type, name)), current, initialVersions);
    return 'acknowledged';
  }

  /**
   * Compares the digests of types that were opened by them. Of groups that are the same the consumer holds everything as
   * it is now. The first response of a type that has others asks for their versions.
   */
  #match(): DeltaResponse | undefined {
    if (this.#digests.size === 0) return undefined;
    for (const [type, digests] of this.#digests) {
      const produced = this.#producer.lookup(type);
      if (!produced.complete) continue;
      this.#digests.delete(type);
      const { resources, systemVersion } = produced;
      const own =
        this.#producer.digests?.(type) ?? digestsOfProduced(resources, (name) => this.#groupOf(type, name));
      const { groupsToList, missing } = differingGroups(digests, own);
      const sent = new SentType(this.#producer.known?.(type, 'ALL') ?? ownVersions(resources), true);
      this.#sent.set(type, sent);
      this.#unsettled.add(type);
      if (missing.size > 0)
        sent.holdsNone((name) => missing.has(this.#groupOf(type, name)), this.#namesIn(type, missing));
      if (groupsToList.size === 0) continue;
      const nonce = String(++this.#nonces);
      sent.awaitList(nonce);
      sent.epoch = systemVersion.epoch;
      this.#groupsToList.set(type, groupsToList);
      return {
        type,
        nonce,
        systemVersion,
        resources: [],
        removed: [],
        complete: false,
        groupsToList: [...groupsToList],
      };
    }
    return undefined;
  }

  #namesIn(type: Type, groups: ReadonlySet<string>): Iterable<string> {
    return this.#producer.namesIn?.(type, groups) ?? this.#producer.lookup(type).resources.keys();
  }

  #groupOf(type: Type, name: string): string {
    return this.#producer.groupOf?.(type, name) ?? '';
  }

  #knownOf(type: Type, { initialVersions }: DeltaRequest): KnownVersions {
    return this.#producer.known?.(type, initialVersions) ?? new Map(initialVersions);
  }

  /**
   * A hint that a type may differ: these names, or anything when there are none. `bulk` names come after others and a
   * few at a time, so that a change of something else does not wait for all of them.
   */
  changed(type: Type, names?: Iterable<string>, urgency: Urgency = 'urgent'): void {
    const sent = this.#sent.get(type);
    if (!sent) return;
    sent.mark(names, urgency);
    this.#unsettled.add(type);
  }

  /**
   * Offers again what the consumer refused: it may have refused it for want of room that it has by now. False when it
   * has refused nothing.
   */
  retryRejected(): boolean {
    const retried = [...this.#sent].filter(([, sent]) => sent.retry());
    for (const [type] of retried) this.#unsettled.add(type);
    return retried.length > 0;
  }

  /**
   * The next response, or undefined when there is nothing to say now: call again after a request or a change.
   * Upserts go type by type in order, and a type whose turn has not come waits for the earlier ones. Removals follow
   * when there are no upserts left, last type first, so that nothing is taken away that something still names.
   */
  next(): DeltaResponse | undefined {
    return this.#match() ?? this.#nextPage();
  }

  #nextPage(): DeltaResponse | undefined {
    if (this.#unsettled.size === 0) return undefined;
    const removals: { type: Type; work: Work }[] = [];
    for (const type of this.#producer.types) {
      const sent = this.#unsettledOf(type);
      if (!sent && this.#isAwaited(type)) return undefined;
      if (!sent) continue;
      const work = this.#work(type, sent);
      if (!work) return undefined;
      const last = type === this.#producer.types.at(-1);
      const hasUpserts = work.sent.hasUpserts(work.offer);
      const hasRemovals = work.sent.hasRemovals(work.offer);
      if (hasUpserts || !work.sent.completed || (last && hasRemovals)) return this.#respond(type, work, last);
      if (hasRemovals) removals.unshift({ type, work });
    }
    const [first] = removals;
    return first && this.#respond(first.type, first.work, true);
  }

  /** Responses that were sent and are not answered yet. */
  get unanswered(): number {
    return [...this.#sent.values()].filter(({ busy }) => busy).length;
  }

  /** The consumer has subscribed to this type, and said what it holds of it. */
  isOpened(type: Type): boolean {
    return this.#sent.has(type);
  }

  /** Names of a type that the consumer holds in some version, has refused, or is being sent. Visits all of them. */
  heldNames(type: Type): Iterable<string> {
    return this.#sent.get(type)?.heldNames() ?? [];
  }

  /** How many resources of a type the consumer has acknowledged, in whatever version. */
  acknowledgedCount(type: Type): number {
    return this.#sent.get(type)?.acknowledgedCount ?? 0;
  }

  /** The version that the consumer has acknowledged, what it refused, or undefined when it has neither. */
  acknowledged(type: Type, name: string): string | RejectedVersion | undefined {
    return this.#sent.get(type)?.acknowledged(name);
  }

  /** What the consumer has refused of a type and not taken since, by name. */
  rejected(type: Type): ReadonlyMap<string, RejectedVersion> {
    return this.#sent.get(type)?.rejected ?? new Map<string, RejectedVersion>();
  }

  /** Names of a type that the consumer has yet to acknowledge as they are now, or has refused. */
  outstanding(type: Type): Iterable<string> {
    return this.#sent.get(type)?.outstanding(this.#producer.lookup(type).resources) ?? [];
  }

  /** The consumer has subscribed to this type, and every resource of it has been sent once. */
  completed(type: Type): boolean {
    return this.#sent.get(type)?.completed ?? false;
  }

  /** Undefined: there is nothing to say of it. */
  #unsettledOf(type: Type): SentType | undefined {
    if (!this.#unsettled.has(type)) return undefined;
    const sent = this.#sent.get(type);
    if (!sent?.isSettled) return sent;
    this.#unsettled.delete(type);
    return undefined;
  }

  /** Later types wait until the consumer has asked for it. */
  #isAwaited(type: Type): boolean {
    if (this.#sent.has(type)) return false;
    return this.#digests.has(type) || (this.#producer.awaited?.has(type) ?? false);
  }

  /** Undefined: it has to wait, and later types with it. */
  #work(type: Type, sent: SentType): Work | undefined {
    if (sent.listing !== undefined) return undefined;
    const produced = this.#producer.lookup(type);
    if (!produced.complete || produced.systemVersion.epoch < sent.epoch) return undefined;
    return { sent, produced, offer: { resources: produced.resources, hold: this.#holdOf(type) } };
  }

  #holdOf(type: Type): Offer['hold'] {
    const known = this.#holds.get(type);
    if (known) return known;
    const hold = (name: string) => this.#producer.hold?.(type, name) ?? false;
    this.#holds.set(type, hold);
    return hold;
  }

  /** Undefined while the consumer has yet to answer the last response of the type. */
  #respond(type: Type, work: Work, mayRemove: boolean): DeltaResponse | undefined {
    const { sent, produced, offer } = work;
    if (sent.busy) return undefined;
    const { page, more } = sent.takePage(offer, this.#sizesOf(sent), mayRemove);
    const nonce = String(++this.#nonces);
    sent.sent(nonce, page);
    sent.epoch = produced.systemVersion.epoch;
    sent.completed ||= !more;
    const { upserts: resources, removed } = page;
    return {
      type,
      nonce,
      systemVersion: produced.systemVersion,
      resources,
      removed,
      complete: sent.completed,
    };
  }

  #sizesOf({ completed }: SentType): PageSizes {
    const { maxBytes: max = 3 * mebibyte, firstBytes = max, bulkBytes = max } = this.#producer;
    return { max, bulk: completed ? bulkBytes : firstBytes };
  }
}

interface Work {
  readonly sent: SentType;
  readonly produced: ProducedType;
  readonly offer: Offer;
}

/** Everything that there is, as it is now. */
const ownVersions = (resources: ProducedResources): KnownVersions =>
  new Map(
    [...resources.keys()].flatMap((name) => {
      const version = resources.get(name)?.version;
      return version === undefined ? [] : [[name, version] as const];
    }),
  );
