import type { Socket } from 'node:net';
import { decideGateway, type GatewayDecision } from '@isthmus/mesh/decide/gateway.ts';
import { traceIdOf } from '@isthmus/mesh/hbone/traceparent.ts';
import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { helloLimit } from '@isthmus/mesh/tls/client-hello.ts';
import { peekHello, type HelloSeen } from '@isthmus/mesh/tls/peek-hello.ts';
import type { GatewayArrival as Called } from '../capture/capture.ts';
import type { Context } from '../engine/context.ts';
import type { Newcomer } from './newcomer.ts';
import { carry, reportFailure } from './carry.ts';
import { gatewayIdentity } from './gateway-identity.ts';
import type { Place } from './place.ts';
import { serveConnects } from './serve-connects.ts';
import { acceptNewcomer } from './accept-newcomer.ts';
import { whileThere } from './while-there.ts';
import { gatewayTelemetry, type GatewayArrival } from './gateway-telemetry.ts';

const dialMillis = 1000;

type Forward = Extract<GatewayDecision, { kind: 'forward' }>;

/** 15008: mTLS with the caller, then CONNECTs whose bytes are passed on unread to an endpoint's own proxy. */
export async function serveGatewayHbone(
  context: Context,
  newcomer: Newcomer,
  { from: { address, port } }: Called,
): Promise<void> {
  const { config, state } = context;
  const secured = await acceptNewcomer(context, newcomer, gatewayIdentity(state, config), 'outer');
  if (!secured) return;
  const from = `${address}:${port}`;
  serveConnects(context, newcomer, secured, `${from} -> ${config.address}:15008 (tunnels)`, (incoming) =>
    forwardConnect(context, from, secured.peer, incoming),
  );
}

async function forwardConnect(
  context: Context,
  from: string,
  peer: Peer,
  incoming: IncomingConnect,
): Promise<void> {
  const { network, cluster } = context.config;
  const request = {
    network,
    cluster,
    authority: incoming.authority,
    peer,
    target: incoming.headers['x-isthmus-target'],
  };
  const decision = decideGateway(context.state, request, context.random);
  const caller = {
    from,
    wanted: incoming.authority,
    peer,
    started: context.clock.monotonic(),
    trace: traceIdOf(incoming.headers['traceparent']),
  };
  if (decision.kind === 'refuse') {
    incoming.refuse(decision.status, { 'x-isthmus-reason': decision.code });
    refused(context, caller, decision);
    return;
  }
  const place = enter(context, caller);
  if (!place) {
    incoming.refuse(401);
    return;
  }
  const endpoint = await dialFirst(context, decision, place, incoming.gone);
  if (endpoint) return forward(context, caller, decision, place, incoming.accept({}), endpoint);
  if (place.ending) incoming.refuse(401);
  else incoming.refuse(503, { 'x-isthmus-reason': 'NO_ENDPOINT_ANSWERS' });
  unreached(context, caller, decision, place, incoming.gone);
}

/** 15443: nothing is terminated; the server name says which exported service is meant. */
export async function serveGatewaySni(
  context: Context,
  newcomer: Newcomer,
  { from: { address, port } }: Called,
): Promise<void> {
  const { socket } = newcomer;
  socket.on('error', () => undefined);
  const started = context.clock.monotonic();
  const from = `${address}:${port}`;
  const { first, bytes } = await peekHello(socket, context.clock, {});
  if (bytes.length === 0) return void socket.destroy();
  // A hello that can be read and is refused was no handshake that failed: that is an answer.
  if (first.kind === 'hello' && !newcomer.seat()) return;
  const { sni, alpn } = first.kind === 'hello' ? first : { sni: undefined, alpn: [] };
  const { network, cluster } = context.config;
  const decision: GatewayDecision =
    first.kind === 'hello'
      ? decideGateway(context.state, { network, cluster, sni, alpn }, context.random)
      : noHello(newcomer.ended ?? helloProblems[first.kind]);
  const caller = { from, wanted: sni ?? '', peer: undefined, trace: undefined, started };
  if (decision.kind === 'refuse') {
    context.tap?.('read', from, bytes);
    socket.destroy();
    refused(context, caller, decision);
    return;
  }
  const near = new NodeStream(socket);
  const place = enter(context, caller);
  const endpoint =
    place && (await whileThere(context, near, (gone) => dialFirst(context, decision, place, gone)));
  if (endpoint) return forward(context, caller, decision, place, near, endpoint);
  if (place) unreached(context, caller, decision, place, newcomer.gone);
  socket.destroy();
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
function enter(context: Context, caller: GatewayArrival): Place | undefined {
  const { from, wanted, peer } = caller;
  const live = { peer, inbound: undefined, outbound: undefined };
  const entered = context.connections.enter({ ...live, about: `${from} -> ${wanted}` });
  if (entered.kind === 'place') return entered.place;
  const { message, flags } = entered.ending;
  const telemetry = gatewayTelemetry(context.config, caller, undefined);
  reportFailure(context, telemetry, message, flags, caller.started);
  return undefined;
}

/**
 * The first candidate that takes a connection, as long as somebody waits for it who may; this is the only place from
 * which a gateway dials.
 */
async function dialFirst(
  context: Context,
  { candidates }: Forward,
  place: Place,
  gone: AbortSignal,
): Promise<Socket | undefined> {
  const endpoint = await place.before(gone, async (signal) => {
    for (const { address, port } of candidates) {
      if (signal.aborted) return undefined;
      context.counters.gatewayDials++;
      try {
        return await context.capture.dial({
          address,
          port,
          from: { kind: 'proxy' },
          timeoutMillis: dialMillis,
          signal,
        });
      } catch (error) {
        context.log.debug({ address, port, error: String(error) }, 'endpoint does not answer');
      }
    }
    return undefined;
  });
  if (!place.ending) return endpoint;
  endpoint?.destroy();
  return undefined;
}

function forward(
  context: Context,
  caller: GatewayArrival,
  decision: Forward,
  place: Place,
  near: ByteStream,
  endpoint: Socket,
): Promise<void> {
  const { tap, config } = context;
  const dialled = `${endpoint.remoteAddress ?? ''}:${endpoint.remotePort ?? 0}`;
  const { peer, started } = caller;
  const telemetry = gatewayTelemetry(config, caller, decision, dialled);
  return carry(context, {
    near,
    far: new NodeStream(endpoint),
    tap: tap && {
      near: (action, bytes) => tap(action, caller.from, bytes),
      far: (action, bytes) => tap(action, dialled, bytes),
    },
    telemetry,
    started,
    place,
    share: peer && context.shares.of(peer.spiffeId),
  });
}

function refused(
  context: Context,
  caller: GatewayArrival,
  { code, message, status }: Extract<GatewayDecision, { kind: 'refuse' }>,
): void {
  context.counters.gatewayRefusals++;
  // What cannot be served now is no denial.
  const flags = status === 503 ? 'CONNECT' : 'DENY';
  const telemetry = gatewayTelemetry(context.config, caller, undefined);
  reportFailure(context, telemetry, `${code}: ${message}`, flags, caller.started);
}

function unreached(
  context: Context,
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
  const telemetry = gatewayTelemetry(context.config, caller, decision);
  reportFailure(context, telemetry, message, flags, caller.started);
}
