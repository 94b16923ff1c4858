import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { encodeBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import { openInner, openTunnel, type Tunnel } from '@isthmus/mesh/hbone/tunnel.ts';
import type { Pooled } from '@isthmus/mesh/hbone/pool.ts';
import type { ClientSession } from '@isthmus/mesh/http2/session.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { identityOf } from '@isthmus/mesh/decide/route-to.ts';
import type { Route } from '@isthmus/mesh/decide/outbound.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import { dialTls, TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import type { Context } from '../engine/context.ts';

/** A connection to an endpoint, ready for the client's first byte. */
export interface Reached {
  readonly stream: Duplex;
  /** The innermost peer, where mTLS told. */
  readonly peer: Peer | undefined;
  readonly baggage: string | undefined;
  readonly authority: string | undefined;
  readonly address: string;
}

const dialMillis = 3000;

/** Carries one route out, up to the innermost yes. Throws CodedErrors that name layer and place. */
export async function dialRoute(
  context: Context,
  source: Workload,
  clientAddress: string,
  route: Route,
  signal: AbortSignal,
): Promise<Reached> {
  switch (route.kind) {
    case 'plaintext': {
      const stream = await context.dialer.dial({
        ...place(route),
        localAddress: source.addresses[0],
        timeoutMillis: dialMillis,
        signal,
      });
      return { stream, peer: undefined, baggage: undefined, authority: undefined, address: at(route) };
    }
    case 'hbone': {
      const pooled = await session(
        context,
        source,
        { ...place(route), expect: route.expect },
        'hbone',
        signal,
      );
      const headers = headersOf(source, clientAddress);
      const tunnel = await openTunnel(
        pooled.session,
        { authority: route.authority, headers, layer: 'hbone' },
        signal,
      );
      return reached(tunnel, pooled.peer, route.authority, at(route));
    }
    case 'double-hbone':
      return doubleTunnel(context, source, clientAddress, route, signal);
    case 'istio-mtls':
      return istioMtls(context, source, route, signal);
  }
}

const place = ({ address, port }: { address: string; port: number }) => ({ address, port });
const at = ({ address, port }: { address: string; port: number }) => `${address}:${port}`;

const reached = ({ stream, headers }: Tunnel, peer: Peer, authority: string, address: string): Reached => ({
  ...{ stream, peer, authority, address, baggage: headers['baggage'] },
});

const headersOf = (source: Workload, clientAddress: string) => ({
  baggage: encodeBaggage(source),
  forwarded: `for="${clientAddress}"`,
});

async function doubleTunnel(
  context: Context,
  source: Workload,
  clientAddress: string,
  route: Extract<Route, { kind: 'double-hbone' }>,
  signal: AbortSignal,
): Promise<Reached> {
  const outer = await session(context, source, route.gateway, 'outer', signal);
  const headers = headersOf(source, clientAddress);
  const { authority, target, expect } = route;
  const toGateway = { authority, headers: { ...headers, 'x-isthmus-target': target }, layer: 'outer' };
  const through = await openTunnel(outer.session, toGateway, signal);
  const tls = {
    ...tlsOf(context),
    credentials: await context.credentials.get(identityOf(source)),
    alpn: ['h2'],
    layer: 'inner' as const,
    expect,
  };
  const inside = { authority, headers: { ...headers, 'x-forwarded-network': source.network } };
  const tunnel = await openInner(through.stream, context.http2, tls, inside, signal);
  if (!tunnel.peer) throw new Error('an inner tunnel has a peer');
  return reached(tunnel, tunnel.peer, authority, at(route.gateway));
}

async function istioMtls(
  context: Context,
  source: Workload,
  route: Extract<Route, { kind: 'istio-mtls' }>,
  signal: AbortSignal,
): Promise<Reached> {
  const credentials = await context.credentials.get(identityOf(source));
  const raw = await context.dialer.dial({
    ...place(route),
    localAddress: source.addresses[0],
    timeoutMillis: dialMillis,
    signal,
  });
  const { socket, peer } = await dialTls(raw, {
    ...tlsOf(context),
    credentials,
    alpn: ['istio'],
    layer: 'istio-mtls',
    servername: route.sni,
    expect: route.expect,
  });
  return { stream: socket, peer, baggage: undefined, authority: undefined, address: at(route) };
}

const tlsOf = ({ table, clock }: Context) => ({ table, clock, timeoutMillis: dialMillis });

/**
 * In TLS 1.3 a client has finished its handshake before the server has judged it: a connection that ends before the
 * server's first frame is the server's refusal.
 */
async function speakHttp2(
  { http2 }: Context,
  socket: TLSSocket,
  layer: 'hbone' | 'outer',
): Promise<ClientSession> {
  try {
    return await http2.client(socket);
  } catch (cause) {
    throw new TlsRefused(
      layer,
      'the peer ended the connection before it spoke: it may refuse our certificate',
      undefined,
      cause,
    );
  }
}

/** A pooled session to one place, dialled from the source's address with the source's identity. */
async function session(
  context: Context,
  source: Workload,
  target: { readonly address: string; readonly port: number; readonly expect: readonly string[] },
  layer: 'hbone' | 'outer',
  signal: AbortSignal,
): Promise<Pooled> {
  const identity = identityOf(source);
  const localAddress = source.addresses[0];
  const key = {
    source: identity,
    sourceAddress: localAddress ?? '',
    trustRevision: context.table.revision,
    ...target,
  };
  signal.throwIfAborted();
  return context.pool.take(key, async () => {
    const credentials = await context.credentials.get(identity);
    const raw = await context.dialer.dial({ ...place(target), localAddress, timeoutMillis: dialMillis });
    const { socket, peer } = await dialTls(raw, {
      ...tlsOf(context),
      credentials,
      alpn: ['h2'],
      layer,
      expect: target.expect,
    });
    return { session: await speakHttp2(context, socket, layer), peer };
  });
}
