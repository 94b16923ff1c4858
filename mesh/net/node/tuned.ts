import type { Socket } from 'node:net';

/** As upstream tunes a proxied socket: no delay, and keepalive after three minutes. */
export const tuned = (socket: Socket): Socket => socket.setNoDelay(true).setKeepAlive(true, 180_000);
