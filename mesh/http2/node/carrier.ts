import { TLSSocket } from 'node:tls';
import type { ByteStream } from '../../net/byte-stream.ts';
import { nodeStreamOf, type NodeStream } from '../../net/node/node-stream.ts';

/** What a session is carried by. */
export interface Carrier {
  readonly stream: NodeStream;
  readonly socket: TLSSocket;
}

/** node:http2 takes a socket over: nothing else may use its stream from then on. */
export function takenOver(carrier: ByteStream): Carrier {
  const stream = nodeStreamOf(carrier);
  const socket = stream.handOver();
  if (socket instanceof TLSSocket) return { stream, socket };
  throw new TypeError('a session of node:http2 is carried by TLS');
}
