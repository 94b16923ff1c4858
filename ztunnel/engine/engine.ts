import { createWriteStream, type WriteStream } from 'node:fs';
import type { Socket } from 'node:net';
import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { decodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { identityOf } from '@isthmus/mesh/decide/route-to.ts';
import { TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node-http2.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { BoundDialer } from '@isthmus/mesh/net/bound-dial.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { verdictFor } from '@isthmus/mesh/rbac/policies-for.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { Listeners } from '../capture/listeners.ts';
import { localWorkloads, wantedListeners, type Wanted } from '../capture/wanted.ts';
import { ownIdentity, type ProxyConfig } from '../configuration.ts';
import { RecentFailures } from '../proxy/avoid.ts';
import { Connections } from '../proxy/connections.ts';
import { CredentialStore } from '../proxy/credentials.ts';
import { serveGatewayHbone, serveGatewaySni } from '../proxy/gateway.ts';
import { serveHbone, servePort } from '../proxy/inbound.ts';
import { serveOutbound } from '../proxy/outbound.ts';
import { serveSocks } from '../proxy/socks.ts';
import { formatAccess } from '../telemetry/access-log.ts';
import { TcpMetrics } from '../telemetry/tcp-metrics.ts';
import type { FromWorker, ToWorker } from '../worker/messages.ts';
import type { Context } from './context.ts';

interface Deps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly say: (message: FromWorker) => void;
  /** Lines of the access log. */
  readonly write: (text: string) => void;
}

interface Rejected {
  readonly name: string;
  readonly reason: string;
}

/** One data worker: its state, its listeners, and the connections it carries. It hears deltas and never asks. */
export class Engine {
  readonly #deps: Deps;
  readonly #context: Context;
  readonly #listeners: Listeners;
  readonly #tap: WriteStream | undefined;
  readonly #warned = new Map<string, number>();
  #waiting: (() => void)[] = [];
  #serving = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { config, clock, random, log } = deps;
    this.#tap = config.tap === '' ? undefined : createWriteStream(config.tap, { flags: 'a', mode: 0o600 });
    this.#context = {
      config,
      clock,
      random,
      log,
      state: new MeshState(),
      table: new IssuerTable(),
      dialer: new BoundDialer(clock, random),
      credentials: new CredentialStore(clock, (identity, urgent) =>
        deps.say({ kind: 'want-certificate', identity, urgent }),
      ),
      http2: nodeHttp2(clock),
      pool: new TunnelPool(clock),
      connections: new Connections(),
      failures: new RecentFailures(clock),
      ...{ metrics: new TcpMetrics(), counters: { gatewayDials: 0, gatewayRefusals: 0 } },
      access: (record) => {
        if (config.accessLog) deps.write(formatAccess(record, clock.now()));
      },
      tap: (bytes) => void this.#tap?.write(bytes),
      changed: (millis) => this.#changed(millis),
    };
    this.#listeners = new Listeners({
      onConnection: (socket, wanted) => this.#serve(socket, wanted),
      onProblem: ({ address, port }, error) =>
        deps.say({ kind: 'port-not-capturable', address, port, error }),
    });
  }

  hear(message: ToWorker): void {
    switch (message.kind) {
      case 'delta':
        return this.#delta(message);
      case 'synced':
        this.#serving = true;
        this.#reconcile();
        return this.#deps.say({ kind: 'listening' });
      case 'certificate':
        return this.#context.credentials.set(message);
      case 'certificate-failed':
        return this.#deps.log.warn(
          { identity: message.identity, message: message.message },
          'no certificate',
        );
      case 'report':
        return this.#report(message.id);
      case 'drain':
        this.#listeners.close();
        this.#context.pool.drain();
        this.#deps.clock.after(message.deadlineMillis, () => this.#deps.say({ kind: 'drained' }));
    }
  }

  /** One push in one synchronous step: nobody sees half of it. */
  #delta({ type, resources, removed }: Extract<ToWorker, { kind: 'delta' }>): void {
    const rejected = this.#apply(type, resources, removed);
    if (this.#serving) this.#reconcile();
    if (type === typeUrls.authorization || type === typeUrls.address) this.#judgeAgain();
    if (type === typeUrls.intermediate || type === typeUrls.trustBundle) this.#dropRevoked();
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#deps.say({ kind: 'applied', type, rejected });
  }

  #apply(
    type: string,
    resources: readonly { name: string; body: Uint8Array }[],
    removed: readonly string[],
  ): readonly Rejected[] {
    const { state, table } = this.#context;
    switch (type) {
      case typeUrls.address: {
        const { values, rejected } = decodeAll(resources, ({ body }): Result<Address, string> =>
          decodeAddress(body),
        );
        state.applyAddresses(values, removed);
        return rejected;
      }
      case typeUrls.authorization: {
        const { values, rejected } = decodeAll(resources, ({ name, body }) =>
          decodeAuthorization(name, body),
        );
        state.applyAuthorizations(values, removed);
        return rejected;
      }
      case typeUrls.trustBundle: {
        const { values, rejected } = decodeAll(resources, ({ body }) => decodeTrustBundle(body));
        for (const bundle of values) table.upsertBundle(bundle);
        for (const name of removed) table.removeBundle(name);
        return rejected;
      }
      case typeUrls.intermediate: {
        const { values, rejected } = decodeAll(resources, ({ body }) => decodeIntermediate(body));
        for (const one of values) table.upsertIntermediate(one);
        for (const name of removed) table.removeIntermediate(name);
        return rejected;
      }
      default:
        return [];
    }
  }

  /** Listeners and certificates follow the state. */
  #reconcile(): void {
    const { state, config, credentials } = this.#context;
    this.#listeners.reconcile(wantedListeners(state, config));
    const wanted =
      config.mode === 'gateway' ? [ownIdentity(config)] : localWorkloads(state, config).map(identityOf);
    for (const identity of new Set(wanted))
      if (!credentials.has(identity)) this.#deps.say({ kind: 'want-certificate', identity, urgent: false });
    for (const identity of credentials.identities())
      if (!wanted.includes(identity)) {
        credentials.forget(identity);
        this.#deps.say({ kind: 'forget-certificate', identity });
      }
  }

  /** What a new policy no longer allows ends now. A policy that is named but unknown ends nothing. */
  #judgeAgain(): void {
    const { state, connections } = this.#context;
    connections.closeWhere(({ inbound }) => {
      const workload = inbound && state.workloads.get(inbound.uid);
      if (!workload) return undefined;
      const connection = {
        ...inbound.connection,
        destination: { ...inbound.connection.destination, workload },
      };
      const { known } = verdictFor(state, connection);
      return known.allowed ? undefined : `late denial: ${known.message}`;
    });
  }

  #dropRevoked(): void {
    const { table, connections, pool } = this.#context;
    const revoked = (peer: { issuerKeyId: string } | undefined) =>
      peer !== undefined && table.isRevoked(peer.issuerKeyId);
    pool.closeWhere(revoked);
    connections.closeWhere(({ peer }) =>
      revoked(peer) ? 'the issuer of the peer’s certificate was revoked' : undefined,
    );
  }

  #serve(socket: Socket, { address, port, role }: Wanted): void {
    this.#dispatch(socket, address, port, role).catch((error: unknown) => {
      socket.destroy();
      this.#refusal(role.kind, socket.remoteAddress ?? '', error);
    });
  }

  #dispatch(socket: Socket, address: string, port: number, role: Wanted['role']): Promise<void> {
    switch (role.kind) {
      case 'vip':
        return serveOutbound(this.#context, socket, { kind: 'address', address, port });
      case 'socks':
        return serveSocks(this.#context, socket);
      case 'hbone':
        return serveHbone(this.#context, socket, role.uid);
      case 'port':
        return servePort(this.#context, socket, role.uid, port);
      case 'gateway-hbone':
        return serveGatewayHbone(this.#context, socket);
      case 'gateway-sni':
        return serveGatewaySni(this.#context, socket);
    }
  }

  /** Says which layer refused whom and why, once a second for each kind at most. */
  #refusal(role: string, from: string, error: unknown): void {
    const { clock, log } = this.#deps;
    const reason = error instanceof TlsRefused ? (error.refusal?.reason ?? 'HANDSHAKE') : 'FAILED';
    const key = `${role}/${reason}`;
    if ((this.#warned.get(key) ?? -Infinity) + 1000 > clock.monotonic()) return;
    this.#warned.set(key, clock.monotonic());
    log.warn(
      { role, from, reason, error: error instanceof Error ? error.message : String(error) },
      'connection refused',
    );
  }

  #changed(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(Math.max(1, millis), resolve);
      this.#waiting.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #report(id: number): void {
    const { metrics, connections, counters, pool } = this.#context;
    this.#deps.say({
      ...{ kind: 'report', id, metrics: metrics.all() },
      connections: {
        open: connections.size,
        listeners: this.#listeners.size,
        pooled: pool.size,
        ...counters,
      },
    });
  }
}

function decodeAll<T>(
  resources: readonly { name: string; body: Uint8Array }[],
  decode: (resource: { name: string; body: Uint8Array }) => Result<T, string>,
): { values: readonly T[]; rejected: readonly Rejected[] } {
  const values: T[] = [];
  const rejected: Rejected[] = [];
  for (const resource of resources) {
    const decoded = decode(resource);
    if (decoded.ok) values.push(decoded.value);
    else rejected.push({ name: resource.name, reason: decoded.error });
  }
  return { values, rejected };
}
