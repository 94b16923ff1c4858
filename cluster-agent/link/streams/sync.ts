import type { ClientDuplexStream } from '@grpc/grpc-js';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { digestsHeader, epochHeader } from '@isthmus/api/grpc/services.ts';
import {
  awaitedDownTypes,
  downTypes,
  upTypes,
  type DownType,
  type SyncMessage,
} from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest, DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import type { Timer } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { ChangeSet } from '../../keys/change-set.ts';
import type { HubSession } from '../hub-session.ts';
import type { LinkShared } from '../link-deps.ts';
import type { LinkStream, StreamKind } from '../stream-kind.ts';

/** What the hub has rejected is offered again: it may have exceeded a limit, and there may be room now. */
const retryEvery = 60_000;

/** The agent's end of a Sync stream: reports go up, and the hub's view comes down where it is taken from this link. */
class HubSync implements LinkStream<SyncMessage> {
  readonly #session: HubSession;
  readonly #shared: LinkShared;
  readonly #up: ServerSession;
  readonly #pump: Pump<SyncMessage>;
  /** Requests and acknowledgements that wait for room. */
  readonly #answers: SyncMessage[] = [];
  /** Responses whose content is not on the disk yet, and the last of them. */
  #unsettled = 0;
  #settled: Promise<unknown> = Promise.resolve();
  /** Undefined while the view is taken from another link. */
  #down: ClientSession<DownType> | undefined;
  readonly #awaited = new Set<string>(awaitedDownTypes);
  #resources = 0;
  #isCounted = false;
  /** Whether the hub reads digests; undefined: it has not said so yet. Versions that do not know them say nothing. */
  #readsDigests: boolean | undefined;
  #retry: Timer | undefined;

  constructor(session: HubSession, call: ClientDuplexStream<SyncMessage, SyncMessage>, shared: LinkShared) {
    this.#session = session;
    this.#shared = shared;
    this.#up = reporting(session, shared);
    this.#pump = new Pump(call, () => this.#answers.shift() ?? this.#nextUp());
    call.on('metadata', (headers) => {
      this.#readsDigests = headers.get(digestsHeader).length > 0;
      if (this.#down) this.#open(this.#down);
    });
    this.#retryLater();
  }

  /** Asks for the hub's view on this stream, beginning with what is held, once the hub has said in which form it reads that. */
  takeView(): void {
    if (this.#down) return;
    this.#down = new ClientSession(downTypes, this.#shared.deps.hubStore.versions());
    if (this.#readsDigests !== undefined) this.#open(this.#down);
  }

  #open(down: ClientSession<DownType>): void {
    const { hubStore } = this.#shared.deps;
    const requests = this.#readsDigests
      ? down.openByDigests(digestGroup, undefined, (type) => hubStore.digests(type))
      : down.open();
    for (const request of requests) this.#answers.push({ kind: 'request', request });
    this.#pump.wake();
  }

  /** The view was asked for on this stream. */
  get takesView(): boolean {
    return this.#down !== undefined;
  }

  /** Everything of the view has come on this stream. */
  get synced(): boolean {
    return this.#awaited.size === 0;
  }

  /** The highest of what has come on this stream. */
  get epoch(): bigint {
    return this.#down?.epoch ?? 0n;
  }

  /** These reports of a type that goes up may have changed, or any of it. */
  changed(type: string, names: readonly string[] | undefined): void {
    this.#up.changed(type, names);
    this.#pump.wake();
  }

  hear(message: SyncMessage): void {
    if (message.kind === 'request') {
      const heard = this.#up.request(message.request);
      if (!heard.ok) return this.#session.end(heard.error);
    } else if (!this.#admits(message.response)) return this.#session.end(this.#replaced(message.response));
    else if (this.#unsettled + this.#answers.length >= 2 * downTypes.length)
      return this.#session.end('the hub does not read answers');
    else this.#take(message.response);
    this.#pump.wake();
  }

  stop(): void {
    this.#pump.stop();
    this.#retry?.cancel();
  }

  #admits({ systemVersion }: DeltaResponse): boolean {
    const { epochs, identity } = this.#shared.deps;
    return epochs.admit(identity.hubId, systemVersion.epoch);
  }

  #replaced({ systemVersion }: DeltaResponse): string {
    const { epochs, identity } = this.#shared.deps;
    const seen = epochs.seen(identity.hubId);
    return `this hub has epoch ${systemVersion.epoch} and epoch ${seen} was seen before: it was replaced by another hub, or restored from a backup; in that case start it with --epoch-above ${seen}`;
  }

  /** Proxies do not wait for the disk; the acknowledgement does, as what the hub believes to be here must be here after a crash. */
  #take(response: DeltaResponse): void {
    const { deps, received } = this.#shared;
    const { hubStore, onView } = deps;
    // What was not asked for is acknowledged and dropped.
    const down = this.#down ?? new ClientSession<DownType>([]);
    received[response.type] = (received[response.type] ?? 0) + response.resources.length;
    const reception = down.receive(response);
    if (reception.kind === 'answer') return this.#acknowledge(() => reception.request);
    const { rejected, changes } = hubStore.apply(response.type, reception.resources, reception.removed);
    if (changes.size > 0) onView(changes);
    this.#count(response);
    this.#acknowledge(() => down.settle(response, rejected), hubStore.flushed());
  }

  /** In the order in which the responses came. */
  #acknowledge(settle: () => DeltaRequest, flushed?: Promise<void>): void {
    this.#unsettled++;
    this.#settled = this.#settled
      .then(() => flushed)
      .then(() => {
        this.#unsettled--;
        this.#answers.push({ kind: 'request', request: settle() });
        this.#pump.wake();
      });
  }

  /** Says once a stream what coming back has cost: 0 resources when nothing has changed meanwhile. */
  #count({ type, resources, complete }: DeltaResponse): void {
    const { hubStore, onView, log } = this.#shared.deps;
    this.#resources += resources.length;
    if (complete) this.#awaited.delete(type);
    if (this.#awaited.size > 0 || this.#isCounted) return;
    this.#isCounted = true;
    hubStore.completed();
    // What the hub has not sent is not there from now on.
    onView(new ChangeSet());
    log.info({ resources: this.#resources }, 'synced with the hub');
  }

  #nextUp(): SyncMessage | undefined {
    const response = this.#up.next();
    return response && { kind: 'response', response };
  }

  #retryLater(): void {
    this.#retry = this.#shared.deps.clock.after(retryEvery, () => {
      if (this.#up.retryRejected()) this.#pump.wake();
      this.#retryLater();
    });
  }
}

/**
 * The session of what goes up: this agent's reports, in the order of its own life. None are sent by a replica that does not
 * lead, or did not when the stream was opened.
 */
function reporting(session: HubSession, { deps, systemVersion }: LinkShared): ServerSession {
  const lines = new LimitedLines(deps.clock, deps.log);
  const reports = (type: string) => (session.leads && deps.replica.leads() ? deps.reports(type) : undefined);
  return new ServerSession({
    types: upTypes,
    groupOf: digestGroup,
    lookup: (type) => ({
      resources: reports(type) ?? new Map(),
      systemVersion: { ...systemVersion },
      complete: reports(type) !== undefined,
    }),
    onAck: (type, { rejected }) => {
      for (const [name, { reason }] of rejected)
        lines.warn(
          `rejected/${type}`,
          { type, name, reason },
          'the hub rejected a report and keeps the one before; it is offered again in a minute',
        );
    },
  });
}

export const syncStream: StreamKind<SyncMessage, SyncMessage, HubSync> = {
  method: 'sync',
  isHeard: true,
  headers: ({ epochs, identity }) => ({
    [epochHeader]: String(epochs.seen(identity.hubId)),
    [digestsHeader]: '1',
  }),
  open: (session, call, shared) => new HubSync(session, call, shared),
};
