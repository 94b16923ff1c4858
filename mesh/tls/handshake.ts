import type { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, TLSSocket, type SecureContext } from 'node:tls';
import { expects, expectsNobody, namesIn, type ExpectedNames } from '../identity/expected-names.ts';
import { judgePeer, type Peer, type Refusal } from '../identity/judge.ts';
import type { IssuerTable } from '../identity/issuer-table.ts';
import { setCarrier } from '../net/reset.ts';
import { CodedError } from '../process/coded-error.ts';
import type { Clock } from '../process/clock.ts';
import { secureContext, type Credentials, type Protocol } from './credentials.ts';

/** Where in a tunnel a handshake happens: named in every error, as the outer and the inner one fail alike. */
export type Layer = 'hbone' | 'outer' | 'inner' | 'istio-mtls';

export interface Secured {
  readonly socket: TLSSocket;
  readonly peer: Peer;
  readonly alpn: string;
}

export interface AcceptOptions {
  readonly credentials: Credentials;
  /** ALPN protocols, in order of preference; the peer must agree on one. */
  readonly alpn: readonly string[];
  readonly table: IssuerTable;
  readonly clock: Clock;
  readonly layer: Layer;
  readonly timeoutMillis: number;
}

export interface DialOptions extends AcceptOptions {
  /** SNI; HBONE sends none. */
  readonly servername?: string;
  /** Names of which the server must bear one; where none is expected no handshake succeeds. */
  readonly expect: ExpectedNames;
  /**
   * The cluster of the endpoint that was chosen: its intermediate must have issued the server's certificate, or one
   * member could answer for another's workloads. '' never succeeds.
   */
  readonly cluster: string;
}

/** A handshake that failed. `refusal` is set where this side judged the other. */
export class TlsRefused extends CodedError<'TLS_REFUSED'> {
  readonly refusal: Refusal | undefined;
  readonly layer: Layer;

  constructor(layer: Layer, message: string, refusal?: Refusal, cause?: unknown) {
    super('TLS_REFUSED', `${layer} tls: ${message}`, { cause });
    this.layer = layer;
    this.refusal = refusal;
  }
}

const protocolOf = (layer: Layer): Protocol => (layer === 'istio-mtls' ? 'istio-mtls' : 'hbone');

/** The server's side over a connection that was accepted: handshake, judge, and only then let anyone speak. */
export function acceptTls(raw: Duplex, options: AcceptOptions): Promise<Secured> {
  const context = contextOf(raw, options);
  if (context instanceof TlsRefused) return Promise.reject(context);
  const socket = new TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    requestCert: true,
    // The reason of a refusal would be lost: the judge below refuses, and says why.
    rejectUnauthorized: false,
    ALPNProtocols: [...options.alpn],
  });
  return finish(socket, raw, 'secure', options, (leaf) => judge(leaf, options, 'client'));
}

/** The client's side over a connection that was dialled. */
export function dialTls(raw: Duplex, options: DialOptions): Promise<Secured> {
  if (expectsNobody(options.expect)) {
    raw.destroy();
    const refusal: Refusal = { reason: 'WRONG_IDENTITY', message: 'nothing is known of who should answer' };
    return Promise.reject(new TlsRefused(options.layer, refusal.message, refusal));
  }
  const context = contextOf(raw, options);
  if (context instanceof TlsRefused) return Promise.reject(context);
  const socket = connect({
    socket: raw,
    secureContext: context,
    rejectUnauthorized: false,
    ALPNProtocols: [...options.alpn],
    ...(options.servername === undefined ? {} : { servername: options.servername }),
  });
  return finish(socket, raw, 'secureConnect', options, (leaf) => judgeServer(leaf, options));
}

/** Credentials that no context can be made of fail like a handshake, so that nobody is left waiting on `raw`. */
function contextOf(raw: Duplex, { credentials, layer }: AcceptOptions): SecureContext | TlsRefused {
  try {
    return secureContext(credentials, protocolOf(layer));
  } catch (cause) {
    raw.destroy();
    return new TlsRefused(
      layer,
      `our own credentials for ${credentials.identity} cannot be used`,
      undefined,
      cause,
    );
  }
}

function judge(
  leaf: X509Certificate | undefined,
  { table, clock, layer }: AcceptOptions,
  role: 'client' | 'server',
): Peer | Refusal {
  const gateway = role === 'server' && layer === 'outer';
  const judged = judgePeer(leaf, table, { now: clock.now(), role, gateway });
  return judged.ok ? judged.value : judged.error;
}

function judgeServer(leaf: X509Certificate | undefined, options: DialOptions): Peer | Refusal {
  const peer = judge(leaf, options, 'server');
  if ('reason' in peer) return peer;
  if (!expects(options.expect, peer.spiffeId))
    return {
      reason: 'WRONG_IDENTITY',
      message: `${peer.spiffeId} answered, expected ${namesIn(options.expect).slice(0, 3).join(' or ')}`,
    };
  if (peer.cluster === options.cluster) return peer;
  return {
    reason: 'WRONG_CLUSTER',
    message: `${peer.spiffeId} was issued by cluster ${peer.cluster}, expected one of cluster ${options.cluster || '(unknown)'}`,
  };
}

const noAlpn: Refusal = { reason: 'NO_ALPN', message: 'the peer agreed on no protocol' };

function finish(
  socket: TLSSocket,
  raw: Duplex,
  event: 'secure' | 'secureConnect',
  { layer, alpn, clock, timeoutMillis }: AcceptOptions,
  judged: (leaf: X509Certificate | undefined) => Peer | Refusal,
): Promise<Secured> {
  // HTTP/2 ends its streams by itself: over a half-open socket it would never learn that the peer has gone. What
  // Istio's mTLS carries is plain TCP, whose two directions end one by one.
  socket.allowHalfOpen = layer === 'istio-mtls';
  setCarrier(socket, raw);
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMillis, () => fail(`no handshake within ${timeoutMillis} ms`));
    const fail = (message: string, refusal?: Refusal, cause?: unknown) => {
      settle();
      socket.destroy();
      raw.destroy();
      reject(new TlsRefused(layer, message, refusal, cause));
    };
    const onError = (error: NodeJS.ErrnoException) => {
      const refusal = error.code === 'ERR_SSL_NO_APPLICATION_PROTOCOL' ? noAlpn : undefined;
      fail(refusal ? `${refusal.reason}: ${refusal.message}` : error.message, refusal, error);
    };
    const onClose = () => fail('the peer closed the connection during the handshake');
    const settle = () => {
      timer.cancel();
      socket.off('error', onError).off('close', onClose).off('end', onClose).off(event, onSecure);
    };
    const onSecure = () => {
      const peer = judged(socket.getPeerX509Certificate());
      if ('reason' in peer) {
        fail(`${peer.reason}: ${peer.message}`, peer);
        return;
      }
      const agreed = socket.alpnProtocol;
      if (typeof agreed !== 'string' || !alpn.includes(agreed)) {
        fail(`${noAlpn.reason}: ${noAlpn.message}`, noAlpn);
        return;
      }
      settle();
      endOnErrors(socket);
      // A server's TLSSocket that no tls.Server made never says that its handshake is over, and node:http2 would wait.
      (socket as unknown as { secureConnecting: boolean }).secureConnecting = false;
      resolve({ socket, peer, alpn: agreed });
    };
    // Outlives the handshake: a connection reset before its new owner listens must not end the process.
    socket.on('error', () => undefined);
    socket.on('error', onError).on('close', onClose).on('end', onClose).on(event, onSecure);
  });
}

/**
 * A record that cannot be read, or a fatal alert, ends the connection. Node leaves that to the owner of a client's socket,
 * and to the tls.Server that a server's socket has; ours has none, and its errors come as `_tlsError` alone.
 */
function endOnErrors(socket: TLSSocket): void {
  socket.on('error', () => socket.destroy());
  socket.on('_tlsError' as 'error', (error: Error) => socket.destroy(error));
}
