import type { Pooled, TunnelPool } from '@isthmus/mesh/hbone/pool.ts';
import { openInner, openSession, type Tunnel, type TunnelRequest } from '@isthmus/mesh/hbone/tunnel.ts';
import type { Headers, Http2 } from '@isthmus/mesh/http2/session.ts';
import type { ExpectedNames } from '@isthmus/mesh/identity/expected-names.ts';
import { issuerRefusal } from '@isthmus/mesh/identity/hosting.ts';
import type { Peer, Refusal } from '@isthmus/mesh/identity/judge.ts';
import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import type { Route } from '@isthmus/mesh/decide/outbound.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { resetOnAbort } from '@isthmus/mesh/net/reset-on-abort.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { dialTls } from '@isthmus/mesh/tls/node/node-tls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Dialer, DialFrom } from '../capture/capture.ts';
import type { CredentialStore } from './credentials.ts';

/** To dial with an identity of a local pod. */
interface MtlsDeps {
  readonly clock: Clock;
  readonly table: IssuerTable;
  readonly credentials: CredentialStore;
  readonly capture: Dialer;
}

export interface DialRouteDeps extends MtlsDeps {
  readonly http2: Http2;
  readonly pool: TunnelPool;
}

/** A connection to an endpoint, ready for the client's first byte. */
export interface Reached {
  readonly stream: ByteStream;
  /** The innermost peer that mTLS has authenticated; undefined for plaintext. */
  readonly peer: Peer | undefined;
  readonly baggage: string | undefined;
  readonly authority: string | undefined;
  readonly address: string;
}

const dialMillis = 3000;

/**
 * Carries one route out, up to the innermost yes. `headers` go with every CONNECT of it. Throws CodedErrors that name
 * layer and place.
 */
export async function dialRoute(
  deps: DialRouteDeps,
  source: Workload,
  headers: Headers,
  route: Route,
  signal: AbortSignal,
): Promise<Reached> {
  switch (route.kind) {
    case 'plaintext': {
      const stream = await deps.capture.dial({
        ...place(route),
        from: fromPod(source),
        timeoutMillis: dialMillis,
        signal,
      });
      return { stream, peer: undefined, baggage: undefined, authority: undefined, address: at(route) };
    }
    case 'hbone': {
      const request = { authority: route.authority, headers, layer: 'hbone' as const };
      const { tunnel, peer } = await pooled(
        deps,
        source,
        { ...route, cluster: route.workload.cluster },
        request,
        signal,
      );
      return reached(tunnel, peer, route.authority, at(route));
    }
    case 'double-hbone':
      return doubleTunnel(deps, source, headers, route, signal);
    case 'istio-mtls':
      return istioMtls(deps, source, route, signal);
  }
}

const fromPod = ({ uid }: Workload): DialFrom => ({ kind: 'pod', pod: { kind: 'uid', uid } });

const place = ({ address, port }: { address: string; port: number }) => ({ address, port });
const at = ({ address, port }: { address: string; port: number }) => `${address}:${port}`;

const reached = ({ stream, headers }: Tunnel, peer: Peer, authority: string, address: string): Reached => ({
  stream,
  peer,
  authority,
  address,
  baggage: headers['baggage'],
});

async function doubleTunnel(
  deps: DialRouteDeps,
  source: Workload,
  headers: Headers,
  route: Extract<Route, { kind: 'double-hbone' }>,
  signal: AbortSignal,
): Promise<Reached> {
  const { authority, target, expect, workload } = route;
  // First: while it is waited for, nobody would own the outer stream.
  const credentials = await deps.credentials.get(identityOf(source));
  const toGateway = {
    authority,
    headers: { ...headers, 'x-isthmus-target': target },
    layer: 'outer' as const,
  };
  const { tunnel: outer } = await pooled(deps, source, route.gateway, toGateway, signal);
  const tls = {
    ...tlsOf(deps),
    credentials,
    alpn: ['h2'],
    layer: 'inner' as const,
    expect,
    cluster: workload.cluster,
  };
  const inside = { authority, headers: { ...headers, 'x-forwarded-network': source.network } };
  const inner = await openInner(outer.stream, deps.http2, tls, inside, signal);
  return reached(inner, inner.peer, authority, at(route.gateway));
}

async function istioMtls(
  deps: MtlsDeps,
  source: Workload,
  route: Extract<Route, { kind: 'istio-mtls' }>,
  signal: AbortSignal,
): Promise<Reached> {
  const credentials = await deps.credentials.get(identityOf(source));
  const raw = await deps.capture.dial({
    ...place(route),
    from: fromPod(source),
    timeoutMillis: dialMillis,
    signal,
  });
  const options = {
    ...tlsOf(deps),
    credentials,
    alpn: ['istio'],
    layer: 'istio-mtls' as const,
    servername: route.sni,
    expect: route.expect,
    cluster: route.workload.cluster,
  };
  const { stream, peer } = await resetOnAbort(raw, signal, () => dialTls(raw, options));
  return { stream, peer, baggage: undefined, authority: undefined, address: at(route) };
}

const tlsOf = ({ table, clock }: MtlsDeps) => ({ table, clock, timeoutMillis: dialMillis });

interface Target {
  readonly address: string;
  readonly port: number;
  readonly expect: ExpectedNames;
  readonly cluster: string;
}

/** A tunnel on a session of the pool, which is dialled from the source's address with the source's identity. */
function pooled(
  deps: DialRouteDeps,
  source: Workload,
  { address, port, expect, cluster }: Target,
  request: TunnelRequest & { readonly layer: 'hbone' | 'outer' },
  signal: AbortSignal,
): Promise<{ readonly tunnel: Tunnel; readonly peer: Peer }> {
  const identity = identityOf(source);
  const key = {
    source: identity,
    pod: source.uid,
    sourceAddress: source.addresses[0] ?? '',
    address,
    port,
    expect,
    cluster,
  };
  // Others wait for the same dial: it goes on when the one who began it no longer wants it.
  const dial = async () => {
    const credentials = await deps.credentials.get(identity);
    const from = fromPod(source);
    const raw = await deps.capture.dial({ address, port, from, timeoutMillis: dialMillis });
    const tls = { ...tlsOf(deps), credentials, alpn: ['h2'], layer: request.layer, expect, cluster };
    const opened = await openSession(raw, deps.http2, tls);
    const refusal = issuerRefusal(deps.table, opened.peer);
    if (refusal) throw refusedMeanwhile(opened, request.layer, refusal);
    return { ...opened, until: Math.min(opened.peer.notAfter, credentials.notAfter) };
  };
  return deps.pool.open(key, dial, request, signal);
}

/** The handshake judged the peer, and then the table changed: the pool did not know the session yet. */
function refusedMeanwhile(
  { session }: Pick<Pooled, 'session'>,
  layer: 'hbone' | 'outer',
  refusal: Refusal,
): TlsRefused {
  session.destroy();
  return new TlsRefused(layer, `${refusal.reason}: ${refusal.message}`, refusal);
}
