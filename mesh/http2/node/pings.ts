import type { Http2Session } from 'node:http2';
import type { Clock, Timer } from '../../process/clock.ts';
import { MeshError } from '../../process/mesh-error.ts';

/** As upstream: milliseconds. */
const pingEvery = 10_000;
const pingTimeout = 20_000;
/** A PING that could not even be sent is tried again after this long, within the same twenty seconds. */
const retryMillis = 1000;

/**
 * Asks for what the peer answers as soon as it has read it. Node sends no PING once GOAWAY was sent or received;
 * SETTINGS have to be acknowledged as well.
 */
export function askPeer(session: Http2Session, answered: (error: Error | null) => void): void {
  if (session.closed) session.settings({}, answered);
  else session.ping(answered);
}

/**
 * PING after ten quiet seconds and ten after each answer; a peer that answers none for twenty is gone: the session is
 * destroyed with PEER_SILENT. It goes on until the session has closed, also after GOAWAY and after a PING that failed.
 *
 * `lastUnread` says when (monotonic) we ourselves last left the session unread: where that was after the PING was sent,
 * its answer may still lie in the connection, and the peer gets another twenty seconds.
 */
export function watchPings(
  session: Http2Session,
  clock: Clock,
  onAnswer: () => void = () => undefined,
  lastUnread = () => -Infinity,
): void {
  let next: Timer | undefined;
  let deadline: Timer | undefined;
  const wait = () => {
    deadline?.cancel();
    deadline = undefined;
    next = clock.after(pingEvery, begin);
  };
  const begin = () => {
    expect();
    ask();
  };
  const expect = () => {
    const from = clock.monotonic();
    deadline = clock.after(pingTimeout, () => {
      if (lastUnread() > from) expect();
      else session.destroy(new MeshError('PEER_SILENT', 'no answer to a PING'));
    });
  };
  const ask = () => {
    if (session.destroyed) return;
    const answered = (error: Error | null) => {
      if (session.destroyed) return;
      if (error) next = clock.after(retryMillis, ask);
      else {
        onAnswer();
        wait();
      }
    };
    askPeer(session, answered);
  };
  wait();
  session.once('close', () => {
    next?.cancel();
    deadline?.cancel();
  });
}
