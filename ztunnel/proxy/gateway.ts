import { decideGateway, type GatewayDecision } from '@isthmus/mesh/decide/gateway.ts';
import { traceIdOf } from '@isthmus/mesh/hbone/traceparent.ts';
import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { helloLimit } from '@isthmus/mesh/tls/client-hello.ts';
import { peekHello, type HelloSeen } from '@isthmus/mesh/tls/peek-hello.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { PeerShares } from '@isthmus/mesh/shares/peer-share.ts';
import type { Dialer, GatewayArrival as Called } from '../capture/capture.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { Newcomer } from './newcomer.ts';
import { carry, reportFailure, type AccountDeps, type FailureDeps } from './carry.ts';
import { gatewayIdentity } from './gateway-identity.ts';
import type { Place } from './place.ts';
import { serveConnects, type ConnectsDeps } from './serve-connects.ts';
import { acceptNewcomer, type AcceptDeps } from './accept-newcomer.ts';
import { whileThere } from './while-there.ts';
import { gatewayTelemetry, type GatewayArrival } from './gateway-telemetry.ts';
import type { Connections } from './connections.ts';
import type { Tap } from './tap.ts';

const dialMillis = 1000;

type Forward = Extract<GatewayDecision, { kind: 'forward' }>;

interface ReportDeps extends FailureDeps {
  readonly config: Pick<ProxyConfig, 'address' | 'cluster'>;
}

interface EnterDeps extends ReportDeps {
  readonly connections: Connections;
}

interface RefuseDeps extends ReportDeps {
  readonly counters: Record<'gatewayRefusals', number>;
}

interface DialDeps {
  readonly capture: Dialer;
  readonly log: Log;
  readonly counters: Record<'gatewayDials', number>;
}

interface ForwardDeps extends AccountDeps, ReportDeps {
  readonly shares: PeerShares;
  /** Debug: bytes that pass a gateway, and at which of its ends. */
  readonly tap: Tap | undefined;
}

/** To decide where something goes, and to bring it there. */
interface GatewaySniDeps extends EnterDeps, RefuseDeps, DialDeps, ForwardDeps {
  readonly state: MeshState;
  readonly random: Random;
  readonly config: ProxyConfig;
  readonly counters: Record<'gatewayRefusals' | 'gatewayDials', number>;
}

export interface GatewayHboneDeps extends GatewaySniDeps, AcceptDeps, ConnectsDeps {
  readonly counters: GatewaySniDeps['counters'] & ConnectsDeps['counters'];
}

/** 15008: mTLS with the caller, then CONNECTs whose bytes are passed on unread to an endpoint's own proxy. */
export async function serveGatewayHbone(
  deps: GatewayHboneDeps,
  newcomer: Newcomer,
  { from: { address, port } }: Called,
): Promise<void> {
  const { config, state } = deps;
  const secured = await acceptNewcomer(deps, newcomer, gatewayIdentity(state, config), 'outer');
  if (!secured) return;
  const from = `${address}:${port}`;
  serveConnects(deps, newcomer, secured, `${from} -> ${config.address}:15008 (tunnels)`, (incoming) =>
    forwardConnect(deps, from, secured.peer, incoming),
  );
}

async function forwardConnect(
  deps: GatewaySniDeps,
  from: string,
  peer: Peer,
  incoming: IncomingConnect,
): Promise<void> {
  const { network, cluster } = deps.config;
  const request = {
    network,
    cluster,
    authority: incoming.authority,
    peer,
    target: incoming.headers['x-isthmus-target'],
  };
  const decision = decideGateway(deps.state, request, deps.random);
  const caller = {
    from,
    wanted: incoming.authority,
    peer,
    started: deps.clock.monotonic(),
    trace: traceIdOf(incoming.headers['traceparent']),
  };
  if (decision.kind === 'refuse') {
    incoming.refuse(decision.status, { 'x-isthmus-reason': decision.code });
    refused(deps, caller, decision);
    return;
  }
  const place = enter(deps, caller);
  if (!place) {
    incoming.refuse(401);
    return;
  }
  const endpoint = await dialFirst(deps, decision, place, incoming.gone);
  if (endpoint) return forward(deps, caller, decision, place, incoming.accept({}), endpoint);
  if (place.ending) incoming.refuse(401);
  else incoming.refuse(503, { 'x-isthmus-reason': 'NO_ENDPOINT_ANSWERS' });
  unreached(deps, caller, decision, place, incoming.gone);
}

/** 15443: nothing is terminated; the server name says which exported service is meant. */
export async function serveGatewaySni(
  deps: GatewaySniDeps,
  newcomer: Newcomer,
  { from: { address, port } }: Called,
): Promise<void> {
  const { connection } = newcomer;
  const started = deps.clock.monotonic();
  const from = `${address}:${port}`;
  const { first, bytes } = await peekHello(connection, deps.clock, {});
  if (bytes.length === 0) {
    connection.close();
    return;
  }
  // A hello that can be read and is refused was no handshake that failed: that is an answer.
  if (first.kind === 'hello' && !newcomer.seat()) return;
  const { sni, alpn } = first.kind === 'hello' ? first : { sni: undefined, alpn: [] };
  const { network, cluster } = deps.config;
  const decision: GatewayDecision =
    first.kind === 'hello'
      ? decideGateway(deps.state, { network, cluster, sni, alpn }, deps.random)
      : noHello(newcomer.ended ?? helloProblems[first.kind]);
  const caller = { from, wanted: sni ?? '', peer: undefined, trace: undefined, started };
  if (decision.kind === 'refuse') {
    deps.tap?.('read', from, bytes);
    connection.close();
    refused(deps, caller, decision);
    return;
  }
  const place = enter(deps, caller);
  const endpoint = place && (await whileThere(connection, (gone) => dialFirst(deps, decision, place, gone)));
  if (endpoint) return forward(deps, caller, decision, place, connection, endpoint);
  if (place) unreached(deps, caller, decision, place, newcomer.gone);
  connection.close();
}

const helloProblems: Readonly<Record<Exclude<HelloSeen['first']['kind'], 'hello'>, string>> = {
  'need-more': 'the connection ended before its client hello was complete',
  'not-tls': 'the connection does not begin with a TLS client hello',
  'too-large': `the client hello has more than ${helloLimit} bytes`,
};

const noHello = (message: string): GatewayDecision => ({
  kind: 'refuse',
  status: 400,
  code: 'BAD_REQUEST',
  message,
});

/** Undefined, and logged, where the caller may be here no longer. */
function enter(deps: EnterDeps, caller: GatewayArrival): Place | undefined {
  const { from, wanted, peer } = caller;
  const live = { peer, inbound: undefined, outbound: undefined };
  const entered = deps.connections.enter({ ...live, about: `${from} -> ${wanted}` });
  if (entered.kind === 'place') return entered.place;
  const { message, flags } = entered.ending;
  const telemetry = gatewayTelemetry(deps.config, caller, undefined);
  reportFailure(deps, telemetry, message, flags, caller.started);
  return undefined;
}

/** What was dialled, and where it is. */
interface Endpoint {
  readonly stream: ByteStream;
  readonly address: string;
}

/**
 * The first candidate that takes a connection, as long as somebody waits for it who may; this is the only place from
 * which a gateway dials.
 */
async function dialFirst(
  deps: DialDeps,
  { candidates }: Forward,
  place: Place,
  gone: AbortSignal,
): Promise<Endpoint | undefined> {
  const endpoint = await place.before(gone, async (signal) => {
    for (const { address, port } of candidates) {
      if (signal.aborted) return undefined;
      deps.counters.gatewayDials++;
      try {
        const stream = await deps.capture.dial({
          address,
          port,
          from: { kind: 'proxy' },
          timeoutMillis: dialMillis,
          signal,
        });
        return { stream, address: `${address}:${port}` };
      } catch (error) {
        deps.log.debug({ address, port, error: String(error) }, 'endpoint does not answer');
      }
    }
    return undefined;
  });
  if (!place.ending) return endpoint;
  endpoint?.stream.close();
  return undefined;
}

function forward(
  deps: ForwardDeps,
  caller: GatewayArrival,
  decision: Forward,
  place: Place,
  near: ByteStream,
  { stream: far, address: dialled }: Endpoint,
): Promise<void> {
  const { tap, config } = deps;
  const { peer, started } = caller;
  const telemetry = gatewayTelemetry(config, caller, decision, dialled);
  return carry(deps, {
    near,
    far,
    tap: tap && {
      near: (action, bytes) => tap(action, caller.from, bytes),
      far: (action, bytes) => tap(action, dialled, bytes),
    },
    telemetry,
    started,
    place,
    share: peer && deps.shares.of(peer.spiffeId),
  });
}

function refused(
  deps: RefuseDeps,
  caller: GatewayArrival,
  { code, message, status }: Extract<GatewayDecision, { kind: 'refuse' }>,
): void {
  deps.counters.gatewayRefusals++;
  // What cannot be served now is not a denial.
  const flags = status === 503 ? 'CONNECT' : 'DENY';
  const telemetry = gatewayTelemetry(deps.config, caller, undefined);
  reportFailure(deps, telemetry, `${code}: ${message}`, flags, caller.started);
}

function unreached(
  deps: ReportDeps,
  caller: GatewayArrival,
  decision: Forward,
  place: Place,
  gone: AbortSignal,
): void {
  place.leave();
  const { message, flags } = place.ending ?? {
    message: gone.aborted ? 'the caller has gone' : 'no endpoint answers',
    flags: 'CONNECT',
  };
  const telemetry = gatewayTelemetry(deps.config, caller, decision);
  reportFailure(deps, telemetry, message, flags, caller.started);
}
