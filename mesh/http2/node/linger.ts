import type { Http2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../process/clock.ts';

/** After our last byte, a peer has this long to close its half. */
const afterLastByte = 1000;
/** And this long to take that last byte, as long as it is not known to be gone. */
const toTakeIt = 20_000;

/**
 * Lets no socket outlive its session. Node ends the socket of a session that is over and then waits, without a limit,
 * until the peer has read all and has closed as well; one that does neither would keep a descriptor for ever.
 */
export function limitLinger(session: Http2Session, socket: TLSSocket, clock: Clock): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error?: Error, code?: number) => {
    if (session.destroyed) return;
    const graceful = session.closed && !error;
    destroy(error, code);
    if (socket.destroyed) return;
    const end = () => void socket.destroy();
    let timer = clock.after(graceful ? toTakeIt : afterLastByte, end);
    socket.once('close', () => timer.cancel());
    socket.once('finish', () => {
      timer.cancel();
      if (!socket.destroyed) timer = clock.after(afterLastByte, end);
    });
  };
}
