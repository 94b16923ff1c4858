import { expects, namesIn, type ExpectedNames } from '../identity/expected-names.ts';
import { judgePeer, type Peer, type Refusal } from '../identity/judge.ts';
import type { IssuerTable } from '../identity/issuer-table.ts';
import type { ByteStream } from '../net/byte-stream.ts';
import { CodedError } from '../process/coded-error.ts';
import type { Clock } from '../process/clock.ts';
import type { Credentials } from './credentials.ts';

/** Where in a tunnel a handshake happens: named in every error, as the outer and the inner one fail alike. */
export type Layer = 'hbone' | 'outer' | 'inner' | 'istio-mtls';

export interface Secured {
  readonly stream: ByteStream;
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
  /** Names of which the server must have one; where none is expected no handshake succeeds. */
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

/** Who the peer is by its certificate, or why it is refused. */
export function judge(
  leaf: Buffer | undefined,
  { table, clock, layer }: AcceptOptions,
  role: 'client' | 'server',
): Peer | Refusal {
  const gateway = role === 'server' && layer === 'outer';
  const judged = judgePeer(leaf, table, { now: clock.now(), role, gateway });
  return judged.ok ? judged.value : judged.error;
}

/** The same of a server, which must also be the one that was dialled. */
export function judgeServer(leaf: Buffer | undefined, options: DialOptions): Peer | Refusal {
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

export const noAlpn: Refusal = { reason: 'NO_ALPN', message: 'the peer agreed on no protocol' };
