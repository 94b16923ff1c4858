import type { Http2Session } from 'node:http2';
import type { Clock } from '../../process/clock.ts';
import { MeshError } from '../../process/mesh-error.ts';

/** PINGs and SETTINGS of one peer: far more than any library sends, far fewer than cost anything to answer. */
const atOnce = 1000;
const perSecond = 100;

/**
 * Ends a session with SESSION_BROKEN whose peer sends PINGs or SETTINGS without end. Node ends one only when the answers
 * wait because the peer does not read; one that reads them may go on for ever.
 */
export function limitControlFrames(session: Http2Session, clock: Clock): void {
  let left = atOnce;
  let since = clock.monotonic();
  const spend = () => {
    const now = clock.monotonic();
    left = Math.min(atOnce, left + ((now - since) / 1000) * perSecond) - 1;
    since = now;
    if (left < 0 && !session.destroyed)
      session.destroy(
        new MeshError('SESSION_BROKEN', 'more PING and SETTINGS frames than a session may send'),
      );
  };
  session.on('ping', spend).on('remoteSettings', spend);
}
