import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { NodeStream, nodeStreamOf } from '@isthmus/mesh/net/node/node-stream.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import { acceptWhole as acceptWholeStream } from '@isthmus/mesh/tls/node/accept-whole.ts';
import * as tls from '@isthmus/mesh/tls/node/node-tls.ts';

/** With the socket of Node's, with which tests are written. */
export interface SecuredSocket extends Secured {
  readonly socket: TLSSocket;
}

const streams = new WeakMap<Duplex, NodeStream>();

/** The byte stream of a stream of Node's: of a TLS socket, the one that knows what carries it. */
export function streamOf(duplex: Duplex): NodeStream {
  const known = streams.get(duplex) ?? new NodeStream(duplex);
  streams.set(duplex, known);
  return known;
}

/** The stream of Node's below a byte stream. */
export function duplexOf(stream: ByteStream): Duplex {
  const { duplex } = nodeStreamOf(stream);
  streams.set(duplex, nodeStreamOf(stream));
  return duplex;
}

function onSocket(secured: Secured): SecuredSocket {
  const socket = duplexOf(secured.stream);
  if (socket instanceof TLSSocket) return { ...secured, socket };
  throw new TypeError('it is no socket of TLS');
}

export const acceptTls = (raw: Duplex, ...rest: Rest<typeof tls.acceptTls>): Promise<SecuredSocket> =>
  tls.acceptTls(streamOf(raw), ...rest).then(onSocket);

export const dialTls = (raw: Duplex, ...rest: Rest<typeof tls.dialTls>): Promise<SecuredSocket> =>
  tls.dialTls(streamOf(raw), ...rest).then(onSocket);

export const acceptWhole = (raw: Duplex, ...rest: Rest<typeof acceptWholeStream>): Promise<SecuredSocket> =>
  acceptWholeStream(streamOf(raw), ...rest).then(onSocket);

type Rest<F> = F extends (stream: ByteStream, ...rest: infer R) => unknown ? R : never;
