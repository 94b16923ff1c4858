import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { PeerShare, Release } from '@isthmus/mesh/shares/peer-share.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { peerLimited, type PeerLimitedDeps } from './peer-limited.ts';

export interface AdmitDeps extends PeerLimitedDeps {
  readonly clock: Clock;
}

export interface Admitted {
  /** The peer has sent its SETTINGS. */
  readonly shaken: Release;
  readonly ended: Release;
}

/** One more session of an identity; undefined, and the connection ends, where its share has none. */
export function admitSession(
  deps: AdmitDeps,
  { peer, stream }: Secured,
  share: PeerShare,
): Admitted | undefined {
  const shaken = share.take('handshakes');
  if (typeof shaken === 'string') {
    peerLimited(deps, peer.spiffeId, shaken);
    stream.close();
    return undefined;
  }
  const wait = share.penaltyMillis;
  if (wait > 0) {
    peerLimited(deps, peer.spiffeId, 'RESETS');
    hold(deps.clock, stream, wait, shaken);
    return undefined;
  }
  const ended = share.take('sessions');
  if (typeof ended !== 'string') return { shaken, ended };
  shaken();
  peerLimited(deps, peer.spiffeId, ended);
  stream.close();
  return undefined;
}

/** A peer that comes back at once is kept waiting: a handshake costs more than a socket that nobody reads. */
function hold(clock: Clock, stream: ByteStream, millis: number, release: Release): void {
  const timer = clock.after(millis, () => stream.close());
  void stream.whenClosed.then(() => {
    timer.cancel();
    release();
  });
}
