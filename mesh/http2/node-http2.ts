import type { Clock } from '../process/clock.ts';
import { openClient } from './node-client.ts';
import { openServer } from './node-server.ts';
import type { Http2 } from './session.ts';

/** HTTP/2 CONNECT sessions on Node's own implementation. */
export function nodeHttp2(clock: Clock): Http2 {
  return {
    client: (socket, timeoutMillis) => openClient(socket, clock, timeoutMillis),
    server: (socket, onConnect, watch) => openServer(socket, clock, onConnect, watch),
  };
}
