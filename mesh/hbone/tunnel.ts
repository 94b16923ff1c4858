import type { Duplex } from 'node:stream';
import type { ClientSession, Headers, Http2 } from '../http2/session.ts';
import { CodedError } from '../process/coded-error.ts';
import { dialTls, type DialOptions, type Secured } from '../tls/handshake.ts';

/** A tunnel that the peer answered with 200: bytes flow from here. */
export interface Tunnel {
  readonly stream: Duplex;
  /** What the innermost peer said in its answer. */
  readonly headers: Headers;
  /** Who the innermost peer is, where a handshake of this tunnel's own told. */
  readonly peer: Secured['peer'] | undefined;
}

/** A peer's refusal of a CONNECT, with its status. */
export class ConnectRefused extends CodedError {
  readonly status: number;

  constructor(layer: string, authority: string, status: number, why: string) {
    super(
      'CONNECT_REFUSED',
      `${layer} CONNECT ${authority} was answered ${status}${why === '' ? '' : `: ${why}`}`,
    );
    this.status = status;
  }
}

/** One CONNECT on a session; throws ConnectRefused unless the answer is 200. */
export async function openTunnel(
  session: ClientSession,
  request: { authority: string; headers: Headers; layer: string },
  signal: AbortSignal,
): Promise<Tunnel> {
  const { status, headers, stream } = await session.connect(request, signal);
  if (status !== 200)
    throw new ConnectRefused(request.layer, request.authority, status, headers['x-isthmus-reason'] ?? '');
  return { stream, headers, peer: undefined };
}

/**
 * The inner half of a double tunnel: a handshake with the real destination over the outer stream, and a CONNECT of
 * its own. The gateway between sees neither.
 */
export async function openInner(
  outer: Duplex,
  http2: Http2,
  tls: DialOptions,
  request: { authority: string; headers: Headers },
  signal: AbortSignal,
): Promise<Tunnel> {
  const secured = await dialTls(outer, tls);
  const session = await http2.client(secured.socket);
  try {
    const tunnel = await openTunnel(session, { ...request, layer: 'inner' }, signal);
    // One connection, one inner session: it ends with its only stream.
    tunnel.stream.once('close', () => session.close());
    return { ...tunnel, peer: secured.peer };
  } catch (error) {
    session.destroy();
    throw error;
  }
}
