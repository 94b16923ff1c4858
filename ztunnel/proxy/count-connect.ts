import type { IncomingConnect, Tunnelled } from '@isthmus/mesh/http2/session.ts';
import { Stall } from '@isthmus/mesh/shares/buffer-ledger.ts';
import type { PeerShare, ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';

/**
 * The same CONNECT, counted as a stream until it has closed and as unanswered until it was answered. Until then it is a
 * tunnel whose application does not read: it is refused when what has come on it is too much, as such a tunnel is reset.
 */
export function countConnect(
  share: PeerShare,
  incoming: IncomingConnect,
  onAccepted: (stream: Tunnelled) => void,
): IncomingConnect | ShareRefusal {
  const stream = share.take('streams');
  if (typeof stream === 'string') return stream;
  const counted = share.take('unanswered');
  if (typeof counted === 'string') {
    stream();
    return counted;
  }
  const { authority, headers } = incoming;
  const stall = new Stall(
    () => incoming.held,
    () => refuse(503, { 'x-isthmus-reason': 'PEER_LIMIT_BUFFERED_BYTES' }),
  );
  const answered = () => {
    counted();
    share.unread.end(stall);
  };
  const refuse: IncomingConnect['refuse'] = (status, fields) => {
    answered();
    incoming.refuse(status, fields);
  };
  share.unread.begin(stall);
  incoming.onClose(() => {
    stream();
    answered();
  });
  return {
    authority,
    headers,
    get held() {
      return incoming.held;
    },
    get closed() {
      return incoming.closed;
    },
    onClose: (listener) => incoming.onClose(listener),
    get gone() {
      return incoming.gone;
    },
    accept(fields) {
      answered();
      const stream = incoming.accept(fields);
      onAccepted(stream);
      return stream;
    },
    refuse,
  };
}
