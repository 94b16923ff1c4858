import type { Refusal } from '../policies/refused.ts';
import {
  status,
  type Metadata,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { discoveryService } from '@isthmus/api/grpc/services.ts';
import type { TypeCounts } from '@isthmus/api/domain/question.ts';
import type { DiscoveryRequest } from '@isthmus/api/wire/discovery.ts';
import type { SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { Acknowledgement } from '@isthmus/mesh/delta/produced.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { AudienceRecords, type ProjectedDelta } from '../publish/audience.ts';
import { coverageOf, type Coverage, type Outstanding } from './coverage.ts';
import type { Delta, Subscriber } from '../publish/delta.ts';
import type { Audience } from '../publish/forms.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { Callers, type CallersDeps } from './callers.ts';
import { admissionTouchedBy } from './admission.ts';
import { ClientView, type Vips } from './client-view.ts';
import { EncodeCache, formOf } from './encode.ts';
import { parseProxyClient, type ProxyClient, type XdsCaller } from './proxy-client.ts';
import { readdressedBy } from './readdressed.ts';
import type { HeldStream, Replaced } from './held-stream.ts';
import { RemoteStreams } from './remote-streams.ts';
import { ProxyStream, type DiscoveryCall } from './stream.ts';

export interface XdsDeps extends Pick<CallersDeps, 'authenticate'> {
  /** Of this listener; replaced while it runs by `setIdentity`. */
  readonly certificates: Certificates;
  /** Why a caller may not be this proxy, asked when its stream opens and whenever what it rests on has changed. */
  readonly refusalOf: (client: ProxyClient, caller: XdsCaller) => string | undefined;
  /** Whether a client counts towards coverage; by default every one does. */
  readonly counts?: (client: ProxyClient) => boolean;
  /** A proxy has opened its stream. */
  readonly onClient?: (client: ProxyClient) => void;
  /** A proxy's stream has ended, also by a newer one that takes over, or the replica of the agent that it was at cannot be heard. */
  readonly onLost?: (client: ProxyClient, isReplicaLost: boolean) => void;
  /** Undefined where the addresses of a service are in its record, and every client has the same. */
  readonly vips?: Vips | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ConnectedClient extends ProxyClient {
  /** `address:port` of its end of the connection. */
  readonly peer: string;
  /** It has received everything once. */
  readonly complete: boolean;
  /** Responses that it has yet to answer. */
  readonly unanswered: number;
  /** Epoch milliseconds. */
  readonly connectedSince: number;
}

/** What one proxy has answered to one response. */
export interface AppliedEvent extends Acknowledgement {
  readonly client: ProxyClient;
  readonly type: string;
}

const noneReaddressed = (): readonly string[] => [];

/** The proxies' control plane: delta discovery over TLS. The certificate service joins the same listener. */
export class XdsServer implements Subscriber {
  readonly #listener: GrpcListener;
  readonly #deps: XdsDeps;
  readonly #cache: EncodeCache;
  readonly #callers: Callers;
  readonly #streams = new Map<string, ProxyStream>();
  readonly #listeners = new Set<(event: AppliedEvent) => void>();
  /** Of each audience that has a client. */
  readonly #audiences = new Map<Audience, AudienceRecords>();
  /** Proxies that have their streams at other replicas of this agent. */
  readonly remote: RemoteStreams;
  #snapshot: ClusterSnapshot | undefined;
  readonly #lines: LimitedLines;
  #systemVersion: SystemVersion = { epoch: 0n, revision: 0n };

  constructor(deps: XdsDeps) {
    this.#deps = deps;
    this.#lines = new LimitedLines(deps.clock, deps.log);
    this.#callers = new Callers({
      authenticate: deps.authenticate,
      onProven: (call) => this.#listener.proven(call),
      lines: this.#lines,
    });
    this.remote = new RemoteStreams({
      viewOf: (client) => new ClientView(client, this.#cache, undefined),
      isHere: (client) => this.#streams.has(client),
      onOpened: (stream) => {
        const { client } = stream.view;
        if (this.#snapshot) this.#begin(stream, this.#snapshot);
        if (!this.#streams.has(client.id)) deps.onClient?.(client);
      },
      onLost: ({ view: { client, audience } }, isReplicaLost) => {
        this.#forgetUnused(audience);
        if (!this.#streams.has(client.id)) deps.onLost?.(client, isReplicaLost);
      },
      onAck: ({ view: { client } }, type, acknowledgement) => {
        if (!this.#streams.has(client.id)) this.#applied(client, type, acknowledgement);
      },
    });
    this.#cache = new EncodeCache((type, failure) =>
      this.#lines.error(`encode/${type}`, { type, failure }, 'a resource cannot be encoded'),
    );
    this.#listener = new GrpcListener({
      certificates: deps.certificates,
      mutual: false,
      proof: 'caller',
      clock: deps.clock,
      log: deps.log,
      // 32 MiB: a proxy that comes back names the versions of some 40,000 resources.
      server: serverOptions(32),
      interceptors: [(_method, call) => this.#callers.intercept(call)],
    });
    this.#listener.addService(discoveryService, {
      deltaAggregatedResources: (call: DiscoveryCall) => this.#accept(call),
    });
  }

  /** For further services, to be added before `listen`: their callers are authenticated as proxies are. */
  addService(service: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    this.#listener.addService(service, handlers);
  }

  /** Who the token of a call proves its caller to be; undefined: nobody. */
  callerOf(metadata: Metadata): XdsCaller | undefined {
    return this.#callers.of(metadata);
  }

  /** `address:port` of the connection that a proxy has its stream on; undefined: it has none. */
  peerOf(client: string): string | undefined {
    return this.#streams.get(client)?.peer;
  }

  /** Resolves with the port that is listened on. */
  listen(host: string, port: number): Promise<number> {
    const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    return this.#listener.listen(at, '--xds-listen');
  }

  /** Nothing is sent before the first time. Costs what the delta names, and a look at each stream. */
  published(delta: Delta, snapshot: ClusterSnapshot, systemVersion: SystemVersion): void {
    this.#snapshot = snapshot;
    this.#systemVersion = systemVersion;
    const deltas = new Map(
      [...this.#audiences].map(([audience, records]) => [audience, records.take(delta, snapshot)]),
    );
    this.#keep(deltas);
    const isTouched = admissionTouchedBy(delta.keys);
    const readdressed = this.#deps.vips ? readdressedBy(delta.keys) : noneReaddressed;
    for (const stream of this.#streams.values()) {
      const { client, audience } = stream.view;
      const refusal = isTouched(client) ? this.#deps.refusalOf(client, stream.caller) : undefined;
      const projected = deltas.get(audience);
      if (refusal !== undefined) this.#expel(stream, refusal);
      else if (projected) stream.show(projected, readdressed(client), systemVersion);
      else this.#begin(stream, snapshot);
    }
    for (const stream of this.remote.all())
      if (!deltas.has(stream.view.audience)) this.#begin(stream, snapshot);
  }

  /** Before anything is read: what proxies hold are the records that the deltas have replaced. */
  #keep(deltas: ReadonlyMap<Audience, ProjectedDelta>): void {
    const replaced = new Map(
      [...deltas].map(([audience, delta]) => [
        audience,
        Array.from(delta.replaced, ([name, before]): Replaced => {
          return { name, version: this.#cache.workload(before, formOf(audience))?.version };
        }),
      ]),
    );
    for (const stream of [...this.#streams.values(), ...this.remote.all()])
      stream.keep(replaced.get(stream.view.audience) ?? []);
  }

  /** How many connections there are of callers who have not proven who they are. */
  get arriving(): number {
    return this.#listener.arriving;
  }

  /** How many proxies have a stream, here or at another replica. */
  get connected(): number {
    return [...this.#all()].length;
  }

  connectedClients(): readonly ConnectedClient[] {
    return [...this.#all()].map(({ view, peer, complete, unanswered, openedAt }) => ({
      ...view.client,
      peer,
      complete,
      unanswered,
      connectedSince: openedAt,
    }));
  }

  /** How many resources of each type a proxy holds, and how many it refuses. */
  countsOf(client: string): readonly TypeCounts[] {
    return this.#find(client)?.counts ?? [];
  }

  /** Calls the listener for every answer of a proxy; gives the function that stops it. Ask `coverage` then. */
  onApplied(listener: (event: AppliedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** How far a resource has come at one proxy: in whatever version, as long as it did not refuse the newest. */
  acknowledged(client: string, type: string, name: string): 'YES' | 'NO' | { readonly refused: string } {
    const said = this.#find(client)?.acknowledged(type, name);
    if (said === undefined) return 'NO';
    return typeof said === 'string' ? 'YES' : { refused: said.reason };
  }

  /** Whether one proxy has acknowledged a resource in the version that it has now. */
  acknowledgedNow(client: string, type: string, name: string): boolean {
    const stream = this.#find(client);
    const current = stream?.view.resources(type).get(name)?.version;
    return current !== undefined && stream?.acknowledged(type, name) === current;
  }

  /** Whether a proxy has a stream, here or at another replica. */
  isConnected(client: string): boolean {
    return this.#find(client) !== undefined;
  }

  /** Whether a proxy held workloads already when it connected. */
  returned(client: string): boolean {
    return this.#find(client)?.returned ?? false;
  }

  /** The proxy has received every resource once. */
  isComplete(client: string): boolean {
    return this.#find(client)?.complete ?? false;
  }

  /** What connected proxies have refused of a type and not taken since, by name: who, and why the first of them did. */
  refusals(type: string): ReadonlyMap<string, Refusal> {
    const refusals = new Map<string, { readonly proxies: string[]; readonly reason: string }>();
    for (const stream of this.#all())
      for (const [name, { reason }] of stream.rejected(type)) {
        const known = refusals.get(name) ?? { proxies: [], reason };
        known.proxies.push(stream.view.client.key);
        refusals.set(name, known);
      }
    return refusals;
  }

  /** How far a resource, or its absence, has come among the connected proxies that take its type. */
  coverage(type: string, name: string): Coverage {
    return coverageOf(this.#takers(type), type, name);
  }

  /** What each connected proxy that takes a type has yet to acknowledge of it. */
  outstanding(type: string): readonly Outstanding[] {
    return this.#takers(type).map((stream) => ({
      client: stream.view.client,
      isComplete: stream.complete,
      names: stream.outstanding(type),
      refused: stream.rejected(type),
    }));
  }

  #takers(type: string): readonly HeldStream[] {
    const counts = this.#deps.counts ?? (() => true);
    return [...this.#all()].filter((stream) => stream.types.includes(type) && counts(stream.view.client));
  }

  *#all(): Iterable<HeldStream> {
    yield* this.#streams.values();
    yield* this.remote.values();
  }

  #find(client: string): HeldStream | undefined {
    return this.#streams.get(client) ?? this.remote.get(client);
  }

  /** Streams that are here, for another replica. */
  own(): Iterable<ProxyStream> {
    return this.#streams.values();
  }

  ownStream(client: string): ProxyStream | undefined {
    return this.#streams.get(client);
  }

  /** Ends every stream; the listener with it. */
  async close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.end(status.UNAVAILABLE, 'the agent is going away');
    await this.#listener.close();
  }

  #accept(call: DiscoveryCall): void {
    const caller = this.#callers.of(call.metadata);
    if (!caller) {
      call.emit('error', { code: status.UNAUTHENTICATED, details: 'not authenticated' });
      return;
    }
    let stream: ProxyStream | undefined;
    call.on('data', (request: DiscoveryRequest) => {
      stream ??= this.#open(call, caller, request);
      stream?.hear(request);
    });
    const gone = () => stream && this.#remove(stream);
    call.on('end', () => {
      gone();
      call.end();
    });
    call.on('cancelled', gone);
    call.on('error', gone);
  }

  #open(call: DiscoveryCall, caller: XdsCaller, { node }: DiscoveryRequest): ProxyStream | undefined {
    const client = parseProxyClient(node ?? { id: '', cluster: '', metadata: {} }, caller);
    if (!client.ok) {
      const { kind: problem, message } = client.error;
      const code = problem === 'unreadable' ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED;
      call.emit('error', { code, details: message });
      return undefined;
    }
    const refusal = this.#deps.refusalOf(client.value, caller);
    if (refusal !== undefined) {
      this.#lines.warn('refused', { proxy: client.value.id, refusal }, 'proxy refused');
      call.emit('error', { code: status.PERMISSION_DENIED, details: refusal });
      return undefined;
    }
    const { id, kind, version } = client.value;
    const log = this.#deps.log.child({ proxy: id });
    const view = new ClientView(client.value, this.#cache, this.#deps.vips);
    const onAck = (type: string, acknowledgement: Acknowledgement) =>
      this.#applied(view.client, type, acknowledgement);
    const openedAt = this.#deps.clock.now();
    const stream = new ProxyStream(call, view, { caller, openedAt, log, lines: this.#lines, onAck });
    // A proxy that came back may find its own dead stream still here.
    this.#streams.get(id)?.end(status.ABORTED, 'a newer stream of this proxy has taken over');
    this.#streams.set(id, stream);
    log.info({ kind, version: version || 'upstream' }, 'proxy connected');
    this.#deps.onClient?.(client.value);
    if (this.#snapshot) this.#begin(stream, this.#snapshot);
    return stream;
  }

  #begin(stream: HeldStream, snapshot: ClusterSnapshot): void {
    const { audience } = stream.view;
    const records = this.#audiences.get(audience) ?? new AudienceRecords(audience, snapshot);
    this.#audiences.set(audience, records);
    stream.begin(records.projection, this.#systemVersion);
  }

  #remove(stream: ProxyStream): void {
    stream.stop();
    const { client } = stream.view;
    if (this.#streams.get(client.id) !== stream) return;
    this.#streams.delete(client.id);
    this.#forgetUnused(stream.view.audience);
    this.#deps.log.info({ proxy: client.id }, 'proxy disconnected');
    this.#deps.onLost?.(client, false);
    // Another replica had said before that it has it.
    if (this.remote.get(client.id)) this.#deps.onClient?.(client);
  }

  #forgetUnused(audience: Audience): void {
    for (const { view } of [...this.#streams.values(), ...this.remote.all()])
      if (view.audience === audience) return;
    this.#audiences.delete(audience);
  }

  #expel(stream: ProxyStream, refusal: string): void {
    this.#lines.warn('expelled', { proxy: stream.view.client.id, refusal }, 'proxy refused');
    this.#remove(stream);
    stream.end(status.PERMISSION_DENIED, refusal);
  }

  #applied(client: ProxyClient, type: string, acknowledgement: Acknowledgement): void {
    for (const listener of this.#listeners) listener({ client, type, ...acknowledgement });
  }
}
