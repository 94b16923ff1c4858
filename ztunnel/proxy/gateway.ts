import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { decideGateway, type GatewayDecision } from '@isthmus/mesh/decide/gateway.ts';
import type { IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { peek } from '@isthmus/mesh/net/peek.ts';
import { readClientHello } from '@isthmus/mesh/tls/client-hello.ts';
import { acceptTls } from '@isthmus/mesh/tls/handshake.ts';
import { ownIdentity } from '../configuration.ts';
import type { Context } from '../engine/context.ts';
import { carry, tellFailure, type Told } from './carry.ts';
import { tapStream } from './tap.ts';

const handshakeMillis = 10_000;
const helloMillis = 5000;
const dialMillis = 1000;

type Forward = Extract<GatewayDecision, { kind: 'forward' }>;

/** 15008: mTLS with the caller, then CONNECTs whose bytes are passed on unread to an endpoint's own proxy. */
export async function serveGatewayHbone(context: Context, socket: Socket): Promise<void> {
  const { table, clock, http2, connections, config } = context;
  const [address, port] = [socket.remoteAddress ?? '', socket.remotePort ?? 0];
  const credentials = await context.credentials.get(ownIdentity(config));
  const secured = await acceptTls(socket, {
    credentials,
    table,
    clock,
    alpn: ['h2'],
    layer: 'outer',
    timeoutMillis: handshakeMillis,
  });
  const session = http2.server(secured.socket, (incoming) => {
    forwardConnect(context, `${address}:${port}`, secured.peer, incoming).catch((error: unknown) => {
      incoming.refuse(503);
      context.log.error({ error: String(error) }, 'gateway tunnel failed');
    });
  });
  const remove = connections.add({
    peer: secured.peer,
    about: `${address}:${port} -> ${config.address}:15008 (tunnels)`,
    close: () => session.destroy(),
    drain: () => session.close(),
  });
  session.onClose(remove);
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
  if (decision.kind === 'refuse') {
    incoming.refuse(decision.status, { 'x-isthmus-reason': decision.code });
    refused(context, from, incoming.authority, peer, decision);
    return;
  }
  const endpoint = await dialFirst(context, decision);
  if (!endpoint) {
    incoming.refuse(503, { 'x-isthmus-reason': 'NO_ENDPOINT_ANSWERS' });
    tellFailure(
      context,
      told(context, from, incoming.authority, peer, decision),
      'no endpoint answers',
      'CONNECT',
      context.clock.monotonic(),
    );
    return;
  }
  await forward(
    context,
    incoming.accept({}),
    endpoint,
    told(context, from, incoming.authority, peer, decision),
    peer,
  );
}

/** 15443: nothing is terminated; the server name says which exported service is meant. */
export async function serveGatewaySni(context: Context, socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  const from = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`;
  const peeked = await peek(
    socket,
    context.clock,
    helloMillis,
    (bytes) => readClientHello(bytes).kind !== 'need-more',
  );
  if (peeked.kind !== 'bytes') return void socket.destroy();
  const hello = readClientHello(peeked.bytes);
  const sni = hello.kind === 'hello' ? hello.sni : undefined;
  const { network, cluster } = context.config;
  const decision = decideGateway(context.state, { network, cluster, sni }, context.random);
  if (decision.kind === 'refuse') {
    context.tap?.('read', from, peeked.bytes);
    socket.destroy();
    refused(context, from, sni ?? '', undefined, decision);
    return;
  }
  const endpoint = await dialFirst(context, decision);
  if (!endpoint) {
    socket.destroy();
    tellFailure(
      context,
      told(context, from, sni ?? '', undefined, decision),
      'no endpoint answers',
      'CONNECT',
      context.clock.monotonic(),
    );
    return;
  }
  await forward(context, socket, endpoint, told(context, from, sni ?? '', undefined, decision), undefined);
}

/** The first candidate that takes a connection; this is the only place from which a gateway dials. */
async function dialFirst(context: Context, { candidates }: Forward): Promise<Socket | undefined> {
  for (const { address, port } of candidates) {
    context.counters.gatewayDials++;
    try {
      return await context.dialer.dial({
        address,
        port,
        localAddress: context.config.address,
        timeoutMillis: dialMillis,
      });
    } catch (error) {
      context.log.debug({ address, port, error: String(error) }, 'endpoint does not answer');
    }
  }
  return undefined;
}

function forward(
  context: Context,
  near: Duplex,
  endpoint: Socket,
  told: Told,
  peer: Peer | undefined,
): Promise<void> {
  const { tap } = context;
  if (tap) {
    tapStream(near, (action, bytes) => tap(action, told.record.srcAddr, bytes));
    tapStream(endpoint, (action, bytes) =>
      tap(action, `${endpoint.remoteAddress ?? ''}:${endpoint.remotePort ?? 0}`, bytes),
    );
  }
  return carry(context, { near, far: endpoint, told, peer });
}

function refused(
  context: Context,
  from: string,
  wanted: string,
  peer: Peer | undefined,
  { code, message }: Extract<GatewayDecision, { kind: 'refuse' }>,
): void {
  context.counters.gatewayRefusals++;
  tellFailure(
    context,
    told(context, from, wanted, peer, undefined),
    `${code}: ${message}`,
    'DENY',
    context.clock.monotonic(),
  );
}

function told(
  { config }: Context,
  srcAddr: string,
  wanted: string,
  peer: Peer | undefined,
  decision: Forward | undefined,
): Told {
  const service = decision?.service;
  return {
    record: {
      srcAddr,
      srcIdentity: peer?.spiffeId,
      srcCluster: peer?.cluster,
      dstAddr: `${config.address}:${peer ? 15008 : 15443}`,
      dstHboneAddr: wanted,
      dstService: service?.hostname,
      dstCluster: config.cluster,
      direction: 'inbound',
    },
    facts: {
      ...{ reporter: 'destination', service, mtls: true },
      source: { workload: undefined, identity: peer?.spiffeId },
      destination: { workload: undefined, identity: undefined },
    },
  };
}
