import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import { issuerRefusal } from '@isthmus/mesh/identity/hosting.ts';
import type { Connection } from '@isthmus/mesh/net/connection.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Arrival, Capture, CaptureDeps, EnrolledPod } from '../capture/capture.ts';
import { localWorkloads } from '../capture/local-workload.ts';
import { gatewayIdentity } from '../proxy/gateway-identity.ts';
import { serveGatewayHbone, serveGatewaySni } from '../proxy/gateway.ts';
import { serveHbone, servePort } from '../proxy/inbound.ts';
import { Newcomer } from '../proxy/newcomer.ts';
import { serveOutbound } from '../proxy/outbound.ts';
import type { ToWorker } from '../messages.ts';
import { applyDelta } from './apply.ts';
import { dumpOf, totalsOf } from './look.ts';
import { newParts, type Parts, type PartsDeps } from './parts.ts';

export interface EngineDeps extends PartsDeps {
  /** How connections come, and how others are reached. */
  readonly capture: (deps: CaptureDeps) => Capture;
}

/** Between two looks at what is reported, milliseconds. */
const factsMillis = 2000;

/** One data worker: its state, its listeners, and the connections it carries. It hears deltas and never asks. */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #parts: Parts;
  /** Of SOCKS5 clients, from before they have said where they want to go. */
  readonly #knocked = new WeakMap<Connection, Newcomer>();
  /** Identities whose certificates are asked for. */
  #wanted: ReadonlySet<string> = new Set();
  /** Open connections, as they were said last. */
  #openSaid = 0;
  #phase: 'syncing' | 'serving' | 'draining' = 'syncing';

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    const state = new MeshState();
    this.#parts = newParts(deps, state, this.#newCapture(state));
  }

  hear(message: ToWorker): void {
    switch (message.kind) {
      case 'delta':
        return this.#delta(message);
      case 'synced':
        return this.#startServing();
      case 'certificate':
        this.#parts.credentials.set(message);
        return this.#renewDistrusted([message.identity]);
      case 'certificate-failed':
        return this.#parts.credentials.failed(message.identity, message.message);
      case 'report':
        return this.#deps.say({
          kind: 'report',
          metrics: this.#parts.metrics.all(),
          dns: this.#parts.dnsMetrics.all(),
          totals: totalsOf(this.#parts),
        });
      case 'dump':
        return this.#deps.say({ kind: 'dump', dump: dumpOf(this.#parts) });
      case 'enrol':
        return this.#enrol(message);
      case 'leave':
        return this.#leave(message.number, message.drainMillis);
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
    const { state, table, connections, podWaiters, config, credentials, capture, l7 } = this.#parts;
    const { rejected: refused, touched, issuers } = applyDelta(state, table, delta);
    const rejected = [...refused, ...(l7?.apply(delta) ?? [])];
    if (this.#phase === 'serving' && type === typeUrls.address) {
      capture.follow(touched);
      if (config.mode === 'gateway' || touched.nodes.has(config.node)) this.#followIdentities();
    }
    if (issuers.size > 0) this.#renewDistrusted(credentials.issuedBy(issuers));
    connections.wake(touched, issuers, () => {
      this.#endIssuedBy(issuers);
      this.#deps.say({ kind: 'applied', type, rejected });
    });
    podWaiters.follow(touched, config.node);
  }

  #enrol(pod: EnrolledPod): void {
    const { enrolment } = this.#parts.capture;
    const said = (problem: string | undefined) =>
      this.#deps.say({ kind: 'enrolled', number: pod.number, problem });
    if (!enrolment) return said('this proxy captures no pods: start it with --capture pods');
    enrolment.enrol(pod).then(
      () => said(undefined),
      (error: unknown) => said(error instanceof Error ? error.message : String(error)),
    );
  }

  #leave(number: number, drainMillis: number): void {
    const left = this.#parts.capture.enrolment?.leave(number, drainMillis) ?? Promise.resolve();
    void left.then(() => this.#deps.say({ kind: 'left', number }));
  }

  #startServing(): void {
    this.#phase = 'serving';
    const { capture, credentials } = this.#parts;
    const opened = capture.open();
    this.#followIdentities();
    this.#renewDistrusted(credentials.identities());
    void opened.then(() => this.#deps.say({ kind: 'listening' }));
    this.#sayFacts();
  }

  /** Every few seconds, if they differ, for as long as the proxy runs. */
  #sayFacts(): void {
    const { connections, dials } = this.#parts;
    const [open, changed] = [connections.size, dials.take()];
    if (open !== this.#openSaid || changed.connects.length + changed.destinations.length > 0)
      this.#deps.say({ kind: 'facts', open, ...changed });
    this.#openSaid = open;
    this.#deps.clock.after(factsMillis, () => this.#sayFacts());
  }

  /** Certificates follow the pods that are served. */
  #followIdentities(): void {
    const { state, config, credentials } = this.#parts;
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

  /** Sessions that the pool keeps, after every connection was judged, which has ended for its own reason then. */
  #endIssuedBy(issuers: ReadonlySet<string>): void {
    const { table, pool } = this.#parts;
    for (const keyId of issuers) pool.endIssuedBy(keyId, (peer) => issuerRefusal(table, peer) !== undefined);
  }

  /**
   * Certificates that others refuse by now are asked for again. Before everything has been received once, the table may
   * be half of itself; and a control plane that sends no issuers (Istio's) says nothing about them.
   */
  #renewDistrusted(identities: Iterable<string>): void {
    const { table, credentials } = this.#parts;
    if (this.#phase === 'syncing' || table.isEmpty) return;
    for (const { identity, chain } of credentials.distrusted(table, identities))
      this.#deps.say({ kind: 'renew-certificate', identity, chain });
  }

  /** Accepts nothing more; says so when the last connection has ended, or has been ended after its time. */
  #drain(deadlineMillis: number): void {
    if (this.#phase === 'draining') return;
    this.#phase = 'draining';
    const { connections, pool, capture, l7 } = this.#parts;
    capture.close();
    pool.drain();
    const deadline = this.#deps.clock.after(deadlineMillis, () => connections.closeAll('the proxy stops'));
    void Promise.all([connections.drain(), l7?.drain()]).then(() => {
      deadline.cancel();
      this.#deps.say({ kind: 'drained' });
    });
  }

  #arrived(arrival: Arrival): void {
    const { connection, role, from } = arrival;
    const shakes = role !== 'outbound' && role !== 'inbound';
    const newcomer = this.#knocked.get(connection) ?? this.#admit(connection, role, from.address, shakes);
    if (!newcomer) return;
    this.#dispatch(newcomer, arrival).catch((error: unknown) => {
      connection.close();
      // A limit has ended it, and that has been counted and logged.
      if (newcomer.ended !== undefined) return;
      if (error instanceof TlsRefused) this.#parts.counters.handshakesFailed++;
      this.#parts.refusals.tell(role, from.address, error);
    });
  }

  /** Undefined where there is no room for it, or its address has used up its limits. `role` is for the log. */
  #admit(
    connection: Connection,
    role: Arrival['role'] | 'socks',
    address: string,
    shakes: boolean,
  ): Newcomer | undefined {
    const newcomer = new Newcomer(this.#parts, connection, role, address);
    if (!(shakes ? newcomer.shake() : newcomer.seat())) return undefined;
    const isSource = role === 'outbound' || role === 'socks';
    this.#parts.metrics.accepted(isSource ? 'source' : 'destination', connection);
    return newcomer;
  }

  #dispatch(newcomer: Newcomer, arrival: Arrival): Promise<void> {
    switch (arrival.role) {
      case 'outbound':
        return serveOutbound(this.#parts, arrival);
      case 'hbone':
        return serveHbone(this.#parts, newcomer, arrival);
      case 'inbound':
        return servePort(this.#parts, newcomer, arrival);
      case 'gateway-hbone':
        return serveGatewayHbone(this.#parts, newcomer, arrival);
      case 'gateway-sni':
        return serveGatewaySni(this.#parts, newcomer, arrival);
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
        onDatagram: (datagram) => this.#parts.dns.datagram(datagram),
        onDnsConnection: (connection) => this.#parts.dns.connection(connection),
        onKnock: (connection, limitedAs) => {
          const newcomer = this.#admit(connection, 'socks', limitedAs, true);
          if (newcomer) this.#knocked.set(connection, newcomer);
          return newcomer;
        },
        onUnbound: ({ address, port }, error, code) =>
          say({ kind: 'port-not-capturable', address, port, error, code }),
        onLost: (role, from, why) => this.#parts.refusals.tell(role, from.address, why),
        onBound: ({ address, port }) => say({ kind: 'port-captured', address, port }),
      },
    });
  }
}
