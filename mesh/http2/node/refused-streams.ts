import type { Http2Session } from 'node:http2';
import type { Clock } from '../../process/clock.ts';

/** While bytes come, and while none come; milliseconds. */
const busyMillis = 250;
const idleMillis = 500;

/** A refused stream costs one reset for each so many bytes that came for it, and four at most. */
const bytesOfOne = 4096;
const maxForOne = 4;

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
 * gets what they are worth in resets, which is what such a client would have sent a moment later: it is not proof. Large
 * headers are worth more, as reading them costs more.
 *
 * Returns what is to be called for each stream that is served.
 */
export function watchRefused(
  session: Http2Session,
  socket: Incoming,
  clock: Clock,
  onRefused: (resets: number) => void,
): () => void {
  let accounted = 0;
  let seen = socket.bytesRead;
  const look = () => {
    if (session.destroyed || session.closed) return;
    const bytes = socket.bytesRead - seen;
    seen += bytes;
    timer = clock.after(bytes > 0 ? busyMillis : idleMillis, look);
    if (bytes > 0) count(bytes);
  };
  const count = (bytes: number) => {
    const { lastProcStreamID = 0 } = session.state;
    const refused = (lastProcStreamID - 1) / 2 - accounted;
    if (refused <= 0) return;
    accounted += refused;
    onRefused(refused * Math.min(maxForOne, Math.ceil(bytes / refused / bytesOfOne)));
  };
  let timer = clock.after(idleMillis, look);
  session.once('close', () => timer.cancel());
  return () => {
    accounted++;
  };
}
