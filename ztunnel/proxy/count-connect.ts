import type { IncomingConnect, Tunnelled } from '@isthmus/mesh/http2/session.ts';
import type { PeerShare, ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';

/** The same CONNECT, counted as a stream until it has closed and as unanswered until it was answered. */
export function countConnect(
  share: PeerShare,
  incoming: IncomingConnect,
  onAccepted: (stream: Tunnelled) => void,
): IncomingConnect | ShareRefusal {
  const stream = share.take('streams');
  if (typeof stream === 'string') return stream;
  const answered = share.take('unanswered');
  if (typeof answered === 'string') {
    stream();
    return answered;
  }
  const { authority, headers, gone } = incoming;
  const over = () => {
    stream();
    answered();
  };
  gone.addEventListener('abort', over, { once: true });
  if (gone.aborted) over();
  return {
    authority,
    headers,
    gone,
    accept(fields) {
      answered();
      const stream = incoming.accept(fields);
      onAccepted(stream);
      return stream;
    },
    refuse(status, fields) {
      answered();
      incoming.refuse(status, fields);
    },
  };
}
