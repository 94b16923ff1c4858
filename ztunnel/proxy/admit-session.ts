import type { PeerShare, Release } from '@isthmus/mesh/shares/peer-share.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { Context } from '../engine/context.ts';
import { peerLimited } from './peer-limited.ts';

export interface Admitted {
  /** The peer has sent its SETTINGS. */
  readonly shaken: Release;
  readonly ended: Release;
}

/** One more session of an identity; undefined, and the connection ends, where its share has none. */
export function admitSession(
  context: Context,
  { peer, socket }: Secured,
  share: PeerShare,
): Admitted | undefined {
  const shaken = share.take('handshakes');
  if (typeof shaken === 'string') {
    peerLimited(context, peer.spiffeId, shaken);
    socket.destroy();
    return undefined;
  }
  const wait = share.penaltyMillis;
  if (wait > 0) {
    peerLimited(context, peer.spiffeId, 'RESETS');
    hold(context, socket, wait, shaken);
    return undefined;
  }
  const ended = share.take('sessions');
  if (typeof ended !== 'string') return { shaken, ended };
  shaken();
  peerLimited(context, peer.spiffeId, ended);
  socket.destroy();
  return undefined;
}

/** A peer that comes back at once is kept waiting: a handshake costs more than a socket that nobody reads. */
function hold({ clock }: Context, socket: Secured['socket'], millis: number, release: Release): void {
  const timer = clock.after(millis, () => void socket.destroy());
  socket.once('close', () => {
    timer.cancel();
    release();
  });
}
