import type { Http2Session } from 'node:http2';
import type { Clock } from '../../process/clock.ts';
import { MeshError } from '../../process/mesh-error.ts';
import { askPeer } from './pings.ts';

const lookMillis = 1500;
/** In so many looks after the PING bytes have come and no answer: more than a slow network makes of one. */
const looksWithoutAnswer = 3;

/** As much of a TLS socket as is looked at. */
interface Incoming {
  readonly bytesRead: number;
}

/**
 * Ends a session whose peer sends one frame, or one block of headers, without end. Between the first byte of either
 * and its last a peer can answer no PING (RFC 9113 4.1, 4.3), and Node says nothing of what is not complete. So where
 * bytes come and nothing comes of them, a PING is sent; where bytes go on coming without an answer, the session is
 * destroyed with SESSION_BROKEN, within 9 s of the frame's first byte at one byte a second. A peer from which nothing
 * comes at all is left to `watchPings`: its network may be down for a while.
 *
 * Returns what is to be called whenever something has come of the bytes.
 */
export function watchUnfinished(session: Http2Session, socket: Incoming, clock: Clock): () => void {
  let heard = false;
  let seen = socket.bytesRead;
  /** Looks in which bytes came since the PING; undefined when none waits for its answer. */
  let waited: number | undefined;
  const completed = () => {
    heard = true;
    waited = undefined;
  };
  const look = () => {
    if (session.destroyed) return;
    timer = clock.after(lookMillis, look);
    const came = socket.bytesRead !== seen;
    seen = socket.bytesRead;
    if (came && !heard) suspect();
    heard = false;
  };
  const suspect = () => {
    if (waited === undefined) {
      waited = 0;
      askPeer(session, (error) => {
        if (error) waited = undefined;
        else completed();
      });
    } else if (++waited >= looksWithoutAnswer)
      session.destroy(new MeshError('SESSION_BROKEN', 'a frame or a block of headers that does not end'));
  };
  let timer = clock.after(lookMillis, look);
  session.on('ping', completed).on('localSettings', completed).on('remoteSettings', completed);
  session.once('close', () => timer.cancel());
  return completed;
}
