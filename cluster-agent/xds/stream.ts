import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import type { TypeCounts } from '@isthmus/api/domain/question.ts';
import type { DiscoveryRequest } from '@isthmus/api/wire/discovery.ts';
import { proxyTypes, typeUrls, upstreamTypes } from '@isthmus/api/wire/type-urls.ts';
import type { DeltaResponse, SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { Acknowledgement, ProducedType, RejectedVersion } from '@isthmus/mesh/delta/produced.ts';
import { ServerSession, type Producer } from '@isthmus/mesh/delta/server-session.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ProjectedDelta, Projection } from '../publish/audience.ts';
import type { Audience } from '../publish/forms.ts';
import type { ClientView } from './client-view.ts';
import type { HeldStream, Replaced } from './held-stream.ts';
import type { XdsCaller } from './proxy-client.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

export type DiscoveryCall = ServerDuplexStream<DiscoveryRequest, DeltaResponse>;

/**
 * Istio's proxies are ready after one response, so they get everything in one; ours know when more is to come. Small
 * pages keep a change from waiting for what is not urgent.
 */
const pagesFor = (audience: Audience): Required<Pick<Producer, 'maxBytes' | 'firstBytes' | 'bulkBytes'>> =>
  audience === 'upstream'
    ? { maxBytes: 64 * mebibyte, firstBytes: 64 * mebibyte, bulkBytes: 64 * kibibyte }
    : { maxBytes: 3 * mebibyte, firstBytes: 256 * kibibyte, bulkBytes: 64 * kibibyte };

interface StreamDeps {
  /** Epoch milliseconds. */
  readonly openedAt: number;
  readonly caller: XdsCaller;
  readonly log: Log;
  /** For what proxies refuse; shared by all streams. */
  readonly lines: LimitedLines;
  readonly onAck: (type: string, acknowledgement: Acknowledgement) => void;
}

/** One proxy's stream: its view, the session that says what is new in it, and the pump that writes it. */
export class ProxyStream implements HeldStream {
  readonly view: ClientView;
  readonly caller: XdsCaller;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  readonly types: readonly string[];
  readonly #call: DiscoveryCall;
  readonly #log: Log;
  readonly #lines: LimitedLines;
  readonly #session: ServerSession;
  readonly #pump: Pump<DeltaResponse>;
  /** What the proxy holds of addresses: of workloads it remembers what others do not hold in the same version. */
  #addresses: SharedVersions | undefined;
  readonly #lookups = new Map<string, ProducedType>();
  #systemVersion: SystemVersion = { epoch: 0n, revision: 0n };
  /** The proxy held workloads when it connected: it lived before this stream. */
  returned = false;

  constructor(call: DiscoveryCall, view: ClientView, { caller, openedAt, log, lines, onAck }: StreamDeps) {
    this.view = view;
    this.caller = caller;
    this.openedAt = openedAt;
    this.#call = call;
    this.#log = log;
    this.#lines = lines;
    this.types = view.audience === 'upstream' ? upstreamTypes : proxyTypes;
    this.#session = new ServerSession({
      types: this.types,
      awaited: new Set([typeUrls.authorization]),
      lookup: (type) => this.#produced(type),
      hold: (type, name) => view.holds(type, name),
      known: (type, held) => (type === typeUrls.address ? this.#holdsAddresses(held) : undefined),
      onAck,
      ...pagesFor(view.audience),
    });
    this.#pump = new Pump(call, () => this.#session.next());
  }

  /** The same object until another system version comes: each type is looked up many times for each response. */
  #produced(type: string): ProducedType {
    const known = this.#lookups.get(type);
    if (known?.systemVersion === this.#systemVersion && known.complete) return known;
    const complete = this.view.projection !== undefined;
    const produced = { resources: this.view.resources(type), systemVersion: this.#systemVersion, complete };
    this.#lookups.set(type, produced);
    return produced;
  }

  #holdsAddresses(held: ReadonlyMap<string, string> | 'ALL'): SharedVersions {
    return (this.#addresses = new SharedVersions(this.view.workloads, held));
  }

  /** The first state: everything goes out as far as the stream takes it. */
  begin(projection: Projection, systemVersion: SystemVersion): void {
    this.view.projection = projection;
    // A proxy that had asked before holds nothing of it but what it has named.
    if (this.#addresses) for (const name of this.view.workloads.keys()) this.#addresses.keep(name, undefined);
    this.#systemVersion = systemVersion;
    for (const type of this.types) this.#session.changed(type);
    this.#pump.wake();
  }

  /** The projection has changed in place, and nothing has been read of it: the proxy holds the versions of before. */
  keep(replaced: readonly Replaced[]): void {
    for (const { name, version } of replaced) this.#addresses?.keep(name, version);
  }

  /** Names of which it is remembered by themselves in which version the proxy holds them. */
  get remembered(): number {
    return this.#addresses?.size ?? 0;
  }

  /** After `keep`. `readdressed`: services whose addresses may differ; undefined: any. */
  show(
    { urgent, bulk }: ProjectedDelta,
    readdressed: readonly string[] | undefined,
    systemVersion: SystemVersion,
  ): void {
    this.#systemVersion = systemVersion;
    for (const [type, names] of urgent) this.#session.changed(type, names);
    for (const [type, names] of bulk) this.#session.changed(type, names, 'bulk');
    if (readdressed?.length !== 0) this.#session.changed(typeUrls.address, readdressed);
    this.#pump.wake();
  }

  hear({ request }: DiscoveryRequest): void {
    this.returned ||= request.type === typeUrls.address && request.initialVersions.size > 0;
    const heard = this.#session.request(request);
    if (!heard.ok) {
      this.end(status.INVALID_ARGUMENT, heard.error);
      return;
    }
    if (heard.value === 'rejected')
      this.#lines.warn(
        `nack/${request.type}`,
        { proxy: this.view.client.id, type: request.type, error: request.error.slice(0, 2000) },
        'proxy refused a part of its state',
      );
    if (heard.value === 'unknown-type')
      this.#log.debug({ type: request.type }, 'proxy asked for a type that is not served');
    this.#pump.wake();
  }

  end(code: status, details: string): void {
    this.#pump.stop();
    this.#call.emit('error', { code, details });
  }

  stop(): void {
    this.#pump.stop();
  }

  /** The address and port that the proxy's connection came from. */
  get peer(): string {
    return this.#call.getPeer();
  }

  /** Responses that the proxy has yet to answer. */
  get unanswered(): number {
    return this.#session.unanswered;
  }

  acknowledged(type: string, name: string): string | RejectedVersion | undefined {
    return this.#session.acknowledged(type, name);
  }

  /** How many resources of each type the proxy holds, and how many it refuses. */
  get counts(): readonly TypeCounts[] {
    return this.types.map((type) => ({
      type,
      acknowledged: this.#session.acknowledgedCount(type),
      rejected: this.#session.rejected(type).size,
    }));
  }

  /** Names of a type of which the proxy holds a version, or has refused one. Visits all that it holds. */
  heldNames(type: string): Iterable<string> {
    return this.#session.heldNames(type);
  }

  /** The proxy has asked for the type, and said what it holds of it. */
  isOpened(type: string): boolean {
    return this.#session.isOpened(type);
  }

  /** Every resource of a type has been sent to the proxy once. */
  isCompleted(type: string): boolean {
    return this.#session.completed(type);
  }

  /** What the proxy has refused of a type and not taken since, by name. */
  rejected(type: string): ReadonlyMap<string, RejectedVersion> {
    return this.#session.rejected(type);
  }

  /** Names of a type that the proxy has yet to acknowledge as they are now, or has refused. */
  outstanding(type: string): Iterable<string> {
    return this.#session.outstanding(type);
  }

  /** Every resource of every type has been sent to the proxy once. */
  get complete(): boolean {
    return this.types.every((type) => this.#session.completed(type));
  }
}
