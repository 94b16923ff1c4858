import { connect, TLSSocket, type SecureContext } from 'node:tls';
import { expectsNobody } from '../../identity/expected-names.ts';
import type { Peer, Refusal } from '../../identity/judge.ts';
import type { ByteStream } from '../../net/byte-stream.ts';
import { NodeStream, nodeStreamOf } from '../../net/node/node-stream.ts';
import { secureContext, type Protocol } from '../credentials.ts';
import {
  judge,
  judgeServer,
  noAlpn,
  TlsRefused,
  type AcceptOptions,
  type DialOptions,
  type Layer,
  type Secured,
} from '../handshake.ts';

const protocolOf = (layer: Layer): Protocol => (layer === 'istio-mtls' ? 'istio-mtls' : 'hbone');

/** The server's side over a connection that was accepted: handshake, judge, and only then let anyone speak. */
export function acceptTls(raw: ByteStream, options: AcceptOptions): Promise<Secured> {
  const carrier = nodeStreamOf(raw);
  const context = contextOf(carrier, options);
  if (context instanceof TlsRefused) return Promise.reject(context);
  const socket = new TLSSocket(carrier.handOver(), {
    isServer: true,
    secureContext: context,
    requestCert: true,
    // The reason of a refusal would be lost: the judge below refuses, and says why.
    rejectUnauthorized: false,
    ALPNProtocols: [...options.alpn],
  });
  return finish(socket, carrier, 'secure', options, (leaf) => judge(leaf, options, 'client'));
}

/** The client's side over a connection that was dialled. */
export function dialTls(raw: ByteStream, options: DialOptions): Promise<Secured> {
  const carrier = nodeStreamOf(raw);
  if (expectsNobody(options.expect)) {
    carrier.duplex.destroy();
    const refusal: Refusal = { reason: 'WRONG_IDENTITY', message: 'no identity is expected of the server' };
    return Promise.reject(new TlsRefused(options.layer, refusal.message, refusal));
  }
  const context = contextOf(carrier, options);
  if (context instanceof TlsRefused) return Promise.reject(context);
  const socket = connect({
    socket: carrier.handOver(),
    secureContext: context,
    rejectUnauthorized: false,
    ALPNProtocols: [...options.alpn],
    ...(options.servername === undefined ? {} : { servername: options.servername }),
  });
  return finish(socket, carrier, 'secureConnect', options, (leaf) => judgeServer(leaf, options));
}

/** Credentials that no context can be made of fail like a handshake, so that nobody is left waiting on what carries it. */
function contextOf(carrier: NodeStream, { credentials, layer }: AcceptOptions): SecureContext | TlsRefused {
  try {
    return secureContext(credentials, protocolOf(layer));
  } catch (cause) {
    carrier.duplex.destroy();
    return new TlsRefused(
      layer,
      `our own credentials for ${credentials.identity} cannot be used`,
      undefined,
      cause,
    );
  }
}

function finish(
  socket: TLSSocket,
  carrier: NodeStream,
  event: 'secure' | 'secureConnect',
  { layer, alpn, clock, timeoutMillis }: AcceptOptions,
  judged: (leaf: Buffer | undefined) => Peer | Refusal,
): Promise<Secured> {
  // HTTP/2 ends its streams by itself: over a half-open socket it would never learn that the peer has gone. What
  // Istio's mTLS carries is plain TCP, whose two directions end one by one.
  socket.allowHalfOpen = layer === 'istio-mtls';
  // From now on, as it listens for errors: a connection reset before its new owner listens must not end the process.
  const stream = new NodeStream(socket, carrier);
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMillis, () => fail(`no handshake within ${timeoutMillis} ms`));
    const fail = (message: string, refusal?: Refusal, cause?: unknown) => {
      settle();
      socket.destroy();
      carrier.duplex.destroy();
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
      const peer = judged(shownLeaf(socket));
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
      resolve({ stream, peer, alpn: agreed });
    };
    socket.on('error', onError).on('close', onClose).on('end', onClose).on(event, onSecure);
  });
}

/**
 * The leaf that the peer has shown, in DER. Not by way of `getPeerX509Certificate`: each call takes the certificates of
 * the leaf's issuers out of the chain and never frees them (`X509Certificate` of Node's crypto_x509.cc), which is 5 KB
 * of memory for each handshake with an intermediate.
 */
function shownLeaf(socket: TLSSocket): Buffer | undefined {
  const shown = socket.getPeerCertificate() as { readonly raw?: Buffer } | null;
  return shown?.raw;
}

/**
 * A record that cannot be read, or a fatal alert, ends the connection. Node leaves that to the owner of a client's socket,
 * and to the tls.Server that a server's socket has; ours has none, and its errors come as `_tlsError` alone.
 */
function endOnErrors(socket: TLSSocket): void {
  socket.on('error', () => socket.destroy());
  socket.on('_tlsError' as 'error', (error: Error) => socket.destroy(error));
}
