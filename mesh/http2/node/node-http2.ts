import type { Clock } from '../../process/clock.ts';
import type { Http2 } from '../session.ts';
import { takenOver } from './carrier.ts';
import { openClient } from './node-client.ts';
import { openServer } from './node-server.ts';

/** HTTP/2 CONNECT sessions on Node's own implementation. */
export function nodeHttp2(clock: Clock): Http2 {
  return {
    client: (carrier, timeoutMillis) => openClient(takenOver(carrier), clock, timeoutMillis),
    server: (carrier, onConnect, watch) => openServer(takenOver(carrier), clock, onConnect, watch),
  };
}
