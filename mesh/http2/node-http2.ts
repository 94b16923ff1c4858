import { TLSSocket } from 'node:tls';
import type { ByteStream } from '../net/byte-stream.ts';
import { duplexOf } from '../net/node/node-stream.ts';
import type { Clock } from '../process/clock.ts';
import { openClient } from './node-client.ts';
import { openServer } from './node-server.ts';
import type { Http2 } from './session.ts';

/** HTTP/2 CONNECT sessions on Node's own implementation. */
export function nodeHttp2(clock: Clock): Http2 {
  return {
    client: (carrier, timeoutMillis) => openClient(socketOf(carrier), clock, timeoutMillis),
    server: (carrier, onConnect, watch) => openServer(socketOf(carrier), clock, onConnect, watch),
  };
}

/** node:http2 takes a socket over: nothing else may use its stream from then on. */
function socketOf(carrier: ByteStream): TLSSocket {
  const duplex = duplexOf(carrier);
  if (duplex instanceof TLSSocket) return duplex;
  throw new TypeError('a session of node:http2 is carried by TLS');
}
