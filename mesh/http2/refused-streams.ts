import type { Http2Session } from 'node:http2';
import type { Clock } from '../process/clock.ts';

/** While bytes come, and while none come; milliseconds. */
const busyMillis = 250;
const idleMillis = 500;

/** As much of a TLS socket as is looked at. */
interface Incoming {
  readonly bytesRead: number;
}

/**
 * Counts the streams of a client that Node resets by itself, because their headers are larger than SETTINGS allow or too
 * many: it says nothing of them, though it has decoded them. What it does say is the newest stream that it has taken up.
 * A client numbers its streams 1, 3, 5 and so on (RFC 9113 5.1.1), so each of them below the newest that was not served
 * has come to nothing. The newest is not counted, as the rest of its headers may still be on its way.
 *
 * A client may also leave numbers out: some do for a request that they have given up before it was sent. So `onRefused`
 * is to be treated as that many resets, which is what they would have sent a moment later, and not as a proof.
 *
 * Returns what is to be called for each stream that is served.
 */
export function watchRefused(
  session: Http2Session,
  socket: Incoming,
  clock: Clock,
  onRefused: (count: number) => void,
): () => void {
  let accounted = 0;
  let seen = socket.bytesRead;
  const look = () => {
    if (session.destroyed || session.closed) return;
    const came = socket.bytesRead !== seen;
    seen = socket.bytesRead;
    timer = clock.after(came ? busyMillis : idleMillis, look);
    if (came) count();
  };
  const count = () => {
    const { lastProcStreamID = 0 } = session.state;
    const refused = (lastProcStreamID - 1) / 2 - accounted;
    if (refused <= 0) return;
    accounted += refused;
    onRefused(refused);
  };
  let timer = clock.after(idleMillis, look);
  session.once('close', () => timer.cancel());
  return () => {
    accounted++;
  };
}
