import type { ClientSession, Headers, Http2 } from '../http2/session.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import { resetOnAbort } from '../net/reset-on-abort.ts';
import { CodedError } from '../process/coded-error.ts';
import { TlsRefused, type DialOptions, type Secured } from '../tls/handshake.ts';
import { dialTls } from '../tls/node/node-tls.ts';

/** A tunnel that the peer answered with 200: bytes flow from here. */
export interface Tunnel {
  readonly stream: ByteStream;
  /** What the peer said in its answer. */
  readonly headers: Headers;
}

/** A peer's refusal of a CONNECT, with its status. */
export class ConnectRefused extends CodedError<'CONNECT_REFUSED'> {
  readonly status: number;

  constructor(layer: TunnelRequest['layer'], authority: string, status: number, why: string) {
    super(
      'CONNECT_REFUSED',
      `${layer} CONNECT ${authority} was answered ${status}${why === '' ? '' : `: ${why}`}`,
    );
    this.status = status;
  }
}

export interface TunnelRequest {
  readonly authority: string;
  readonly headers: Headers;
  /** Named in a refusal. */
  readonly layer: 'hbone' | 'outer' | 'inner';
}

/** One CONNECT on a session, made before this returns; throws ConnectRefused unless the answer is 200. */
export async function openTunnel(
  session: ClientSession,
  request: TunnelRequest,
  signal: AbortSignal,
): Promise<Tunnel> {
  const { status, headers, stream } = await session.connect(request, signal);
  if (status !== 200)
    throw new ConnectRefused(request.layer, request.authority, status, headers['x-isthmus-reason'] ?? '');
  return { stream, headers };
}

/**
 * TLS and HTTP/2 as a client over a connection, which is reset when that fails. In TLS 1.3 a client has finished its
 * handshake before the server has judged it: a connection that ends before the server's first frame is the server's
 * refusal, at this layer.
 */
export async function openSession(
  raw: ByteStream,
  http2: Http2,
  tls: DialOptions,
): Promise<{ readonly session: ClientSession; readonly peer: Secured['peer'] }> {
  const { stream, peer } = await dialTls(raw, tls);
  try {
    return { session: await http2.client(stream, tls.timeoutMillis), peer };
  } catch (cause) {
    raw.reset();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TlsRefused(
      tls.layer,
      `the peer ended the connection before it spoke: it may refuse our certificate (${why})`,
      undefined,
      cause,
    );
  }
}

/**
 * The inner half of a double tunnel: a handshake with the real destination over the outer stream, and a CONNECT of
 * its own. The gateway between sees neither.
 */
export function openInner(
  outer: ByteStream,
  http2: Http2,
  tls: DialOptions,
  request: Omit<TunnelRequest, 'layer'>,
  signal: AbortSignal,
): Promise<Tunnel & { readonly peer: Secured['peer'] }> {
  return resetOnAbort(outer, signal, async () => {
    const { session, peer } = await openSession(outer, http2, tls);
    // A session that waits to write would not notice: see docs/adr/0053. After a clean end its last bytes are still read.
    void outer.whenClosed.then((reset) => {
      if (reset) session.destroy();
    });
    try {
      const tunnel = await openTunnel(session, { ...request, layer: 'inner' }, signal);
      // One connection, one inner session: it ends with its only stream, and as that did. After a reset, what the
      // destination has sent by then would have to be read before a clean end of the session came through.
      void tunnel.stream.whenClosed.then((reset) => {
        if (!reset) return session.close();
        session.destroy();
        outer.reset();
      });
      return { ...tunnel, peer };
    } catch (error) {
      session.destroy();
      outer.reset();
      throw error;
    }
  });
}
