import type { Socket } from 'node:net';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import { judgeEntering } from '@isthmus/mesh/decide/live.ts';
import { TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node-http2.ts';
import { issuerRefusal } from '@isthmus/mesh/identity/hosting.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { L7Engine } from '@isthmus/mesh/l7/engine.ts';
import { Handshakes, type HandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { HeldSockets } from '@isthmus/mesh/net/held-sockets.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { PeerShares, type ShareLimits } from '@isthmus/mesh/shares/peer-share.ts';
import { Turns } from '@isthmus/mesh/process/turns.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Arrival, Capture, CaptureDeps } from '../capture/capture.ts';
import { localWorkloads } from '../capture/local-workload.ts';
import type { ProxyConfig } from '../configuration.ts';
import { RecentFailures } from '../proxy/avoid.ts';
import { Connections } from '../proxy/connections.ts';
import { CredentialStore } from '../proxy/credentials.ts';
import { gatewayIdentity } from '../proxy/gateway-identity.ts';
import { serveGatewayHbone, serveGatewaySni } from '../proxy/gateway.ts';
import { serveHbone, servePort } from '../proxy/inbound.ts';
import { serveOutbound } from '../proxy/outbound.ts';
import { RetryBudgets } from '../proxy/retry-budget.ts';
import { RetryFloor } from '../proxy/retry-floor.ts';
import { tapEntry } from '../proxy/tap.ts';
import { formatAccess } from '../telemetry/access-log.ts';
import { DialCounts } from '../report/dial-counts.ts';
import { TcpMetrics } from '../telemetry/tcp-metrics.ts';
import type { FromWorker, ToWorker } from '../messages.ts';
import { applyDelta } from './apply.ts';
import { Changes } from '../proxy/changes.ts';
import type { Context } from './context.ts';
import { dumpOf, totalsOf } from './look.ts';
import { Newcomer } from '../proxy/newcomer.ts';
import { Refusals } from '../proxy/refusals.ts';
import { Slots } from '../proxy/slots.ts';

export interface EngineDeps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly say: (message: FromWorker) => void;
  /** Takes the lines of the access log, false when it had to drop one; undefined when there is none. */
  readonly access: ((line: string) => boolean) | undefined;
  readonly tap: ((entry: Buffer) => boolean) | undefined;
  /** How connections come, and how others are reached. */
  readonly capture: (deps: CaptureDeps) => Capture;
  /** Most connections and CONNECTs at once, 20,000 by default: more would want more descriptors and ports than there are. */
  readonly mostAtOnce?: number;
  /** What one identity may take; the defaults of `PeerShares` otherwise. */
  readonly shares?: Partial<ShareLimits>;
  /** Memory of the retries that all data workers of the proxy share; absent: there is one worker. */
  readonly retryFloor?: SharedArrayBuffer;
  /** What peers may take before they are known; the defaults of `Handshakes` otherwise. */
  readonly handshakes?: Partial<HandshakeLimits>;
  /** Absent: bytes are relayed, whatever they are. */
  readonly l7?: L7Engine | undefined;
}

/**
 * CONNECTs that are begun in one turn of the event loop; each takes half a millisecond until it has ended, and tunnels
 * that are open are served between turns.
 */
const connectsInATurn = 4;

/** Between two looks at what is reported, milliseconds. */
const factsMillis = 2000;

/** One data worker: its state, its listeners, and the connections it carries. It hears deltas and never asks. */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #context: Context;
  /** Of SOCKS5 clients, from before they have said where they want to go. */
  readonly #knocked = new WeakMap<Socket, Newcomer>();
  /** Identities whose certificates are asked for. */
  #wanted: ReadonlySet<string> = new Set();
  /** Open connections, as they were said last. */
  #openSaid = 0;
  #phase: 'syncing' | 'serving' | 'draining' = 'syncing';

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#context = this.#newContext();
  }

  hear(message: ToWorker): void {
    switch (message.kind) {
      case 'delta':
        return this.#delta(message);
      case 'synced':
        return this.#startServing();
      case 'certificate':
        this.#context.credentials.set(message);
        return this.#renewDistrusted([message.identity]);
      case 'certificate-failed':
        return this.#context.credentials.failed(message.identity, message.message);
      case 'report':
        return this.#deps.say({
          kind: 'report',
          metrics: this.#context.metrics.all(),
          totals: totalsOf(this.#context),
        });
      case 'dump':
        return this.#deps.say({ kind: 'dump', dump: dumpOf(this.#context) });
      case 'drain':
        return this.#drain(message.deadlineMillis);
    }
  }

  /**
   * One push in one synchronous step: nobody sees half of it. It is applied once every connection that it touched has been
   * judged by it.
   */
  #delta(delta: Extract<ToWorker, { kind: 'delta' }>): void {
    const { type } = delta;
    const { state, table, connections, changes, config, credentials, capture, l7 } = this.#context;
    const { rejected: refused, touched, issuers } = applyDelta(state, table, delta);
    const rejected = [...refused, ...(l7?.apply(delta) ?? [])];
    if (this.#phase === 'serving' && type === typeUrls.address) {
      capture.follow(touched);
      if (config.mode === 'gateway' || touched.nodes.has(config.node)) this.#followIdentities();
    }
    if (issuers.size > 0) {
      this.#endIssuedBy(issuers);
      this.#renewDistrusted(credentials.issuedBy(issuers));
    }
    connections.wake(touched, issuers, () => this.#deps.say({ kind: 'applied', type, rejected }));
    changes.follow(touched, config.node);
  }

  #startServing(): void {
    this.#phase = 'serving';
    const { capture, credentials } = this.#context;
    const opened = capture.open();
    this.#followIdentities();
    this.#renewDistrusted(credentials.identities());
    void opened.then(() => this.#deps.say({ kind: 'listening' }));
    this.#sayFacts();
  }

  /** Every few seconds, if they differ, for as long as the proxy runs. */
  #sayFacts(): void {
    const { connections, dials } = this.#context;
    const [open, changed] = [connections.size, dials.take()];
    if (open !== this.#openSaid || changed.connects.length + changed.destinations.length > 0)
      this.#deps.say({ kind: 'facts', open, ...changed });
    this.#openSaid = open;
    this.#deps.clock.after(factsMillis, () => this.#sayFacts());
  }

  /** Certificates follow the pods that are served. */
  #followIdentities(): void {
    const { state, config, credentials } = this.#context;
    const wanted = new Set(
      config.mode === 'gateway'
        ? [gatewayIdentity(state, config)]
        : localWorkloads(state, config).map(identityOf),
    );
    for (const identity of wanted)
      if (!credentials.has(identity)) this.#deps.say({ kind: 'want-certificate', identity, urgent: false });
    // Also those that never came: their requests would be repeated for ever.
    for (const identity of new Set([...this.#wanted, ...credentials.identities()]))
      if (!wanted.has(identity)) {
        credentials.forget(identity);
        this.#deps.say({ kind: 'forget-certificate', identity });
      }
    this.#wanted = wanted;
  }

  /** Sessions that the pool keeps, before any connection is judged: streams on them end with them. */
  #endIssuedBy(issuers: ReadonlySet<string>): void {
    const { table, pool } = this.#context;
    for (const keyId of issuers) pool.endIssuedBy(keyId, (peer) => issuerRefusal(table, peer) !== undefined);
  }

  /**
   * Certificates that others refuse by now are asked for anew. Before everything has been received once, the table may
   * be half of itself; and a control plane that sends no issuers (Istio's) says nothing about them.
   */
  #renewDistrusted(identities: Iterable<string>): void {
    const { table, credentials } = this.#context;
    if (this.#phase === 'syncing' || table.isEmpty) return;
    for (const { identity, chain } of credentials.distrusted(table, identities))
      this.#deps.say({ kind: 'renew-certificate', identity, chain });
  }

  /** Accepts nothing more; says so when the last connection has ended, or has been ended after its time. */
  #drain(deadlineMillis: number): void {
    if (this.#phase === 'draining') return;
    this.#phase = 'draining';
    const { connections, pool, capture, l7 } = this.#context;
    capture.close();
    pool.drain();
    const deadline = this.#deps.clock.after(deadlineMillis, () => connections.closeAll('the proxy stops'));
    void Promise.all([connections.drain(), l7?.drain()]).then(() => {
      deadline.cancel();
      this.#deps.say({ kind: 'drained' });
    });
  }

  #arrived(arrival: Arrival): void {
    const { socket, role, from } = arrival;
    const shakes = role !== 'outbound' && role !== 'inbound';
    const newcomer = this.#knocked.get(socket) ?? this.#admit(socket, role, from.address, shakes);
    if (!newcomer) return;
    this.#dispatch(newcomer, arrival).catch((error: unknown) => {
      socket.destroy();
      // A limit has ended it, and that has been counted and logged.
      if (newcomer.ended !== undefined) return;
      if (error instanceof TlsRefused) this.#context.counters.handshakesFailed++;
      this.#context.refusals.tell(role, from.address, error);
    });
  }

  /** Undefined where there is no room for it, or its address has used up its limits. `role` is for the log. */
  #admit(
    socket: Socket,
    role: Arrival['role'] | 'socks',
    address: string,
    shakes: boolean,
  ): Newcomer | undefined {
    const newcomer = new Newcomer(this.#context, socket, role, address);
    if (!(shakes ? newcomer.shake() : newcomer.seat())) return undefined;
    const isSource = role === 'outbound' || role === 'socks';
    this.#context.metrics.accepted(isSource ? 'source' : 'destination', socket);
    return newcomer;
  }

  #dispatch(newcomer: Newcomer, arrival: Arrival): Promise<void> {
    switch (arrival.role) {
      case 'outbound':
        return serveOutbound(this.#context, arrival);
      case 'hbone':
        return serveHbone(this.#context, newcomer, arrival);
      case 'inbound':
        return servePort(this.#context, newcomer, arrival);
      case 'gateway-hbone':
        return serveGatewayHbone(this.#context, newcomer, arrival);
      case 'gateway-sni':
        return serveGatewaySni(this.#context, newcomer, arrival);
    }
  }

  #newCapture(state: MeshState): Capture {
    const { capture, config, clock, random, say } = this.#deps;
    return capture({
      config,
      state,
      clock,
      random,
      hooks: {
        onArrival: (arrival) => this.#arrived(arrival),
        onKnock: (socket, limitedAs) => {
          const newcomer = this.#admit(socket, 'socks', limitedAs, true);
          if (newcomer) this.#knocked.set(socket, newcomer);
          return newcomer;
        },
        onUnbound: ({ address, port }, error, code) =>
          say({ kind: 'port-not-capturable', address, port, error, code }),
        onBound: ({ address, port }) => say({ kind: 'port-captured', address, port }),
      },
    });
  }

  #newContext(): Context {
    const {
      config,
      clock,
      random,
      log,
      say,
      access,
      tap,
      mostAtOnce = 20_000,
      shares,
      handshakes,
      retryFloor,
      l7,
    } = this.#deps;
    const [state, table, counters] = [new MeshState(), new IssuerTable(), nothingCounted()];
    const lines = new LimitedLines(clock, log, 1);
    return {
      config,
      clock,
      random,
      log,
      state,
      table,
      l7,
      capture: this.#newCapture(state),
      lostPeers: new LostPeers(clock),
      credentials: new CredentialStore(clock, (identity, urgent) =>
        say({ kind: 'want-certificate', identity, urgent }),
      ),
      http2: nodeHttp2(clock),
      pool: new TunnelPool(clock),
      connections: connectionsOf(clock, state, table),
      failures: new RecentFailures(clock),
      retries: new RetryBudgets(clock, new RetryFloor(clock, retryFloor)),
      dials: new DialCounts(),
      metrics: new TcpMetrics(),
      counters,
      slots: new Slots(mostAtOnce, clock, (stuck) => say({ kind: 'slots-stuck', stuck })),
      handshakes: new Handshakes(clock, handshakes),
      held: new HeldSockets(clock),
      shares: new PeerShares(clock, shares, () => counters.stallsReset++),
      turns: new Turns(connectsInATurn),
      lines,
      refusals: new Refusals(lines),
      access(record) {
        if (access?.(formatAccess(record, clock.now())) !== false) return;
        counters.linesDropped++;
        lines.error('access', { log: config.accessLog }, 'a line of the access log was dropped');
      },
      tap:
        tap &&
        ((action, end, bytes) => {
          if (tap(tapEntry(action, end, bytes, clock.now()))) return;
          counters.chunksDropped++;
          lines.error('tap', { tap: config.tap }, 'a chunk of the tap was dropped');
        }),
      changes: new Changes(clock),
    };
  }
}

const connectionsOf = (clock: Clock, state: MeshState, table: IssuerTable): Connections =>
  new Connections({
    clock,
    judge: (live) => judgeEntering(state, table, live),
    servedBy: (uid) => state.workloads.get(uid),
  });

const nothingCounted = (): Context['counters'] => ({
  gatewayDials: 0,
  gatewayRefusals: 0,
  handshakesFailed: 0,
  dropped: 0,
  linesDropped: 0,
  chunksDropped: 0,
  limited: 0,
  sessionsBroken: 0,
  stallsReset: 0,
});
