import { isInner } from '@isthmus/mesh/hbone/connect-headers.ts';
import type { IncomingConnect, Tunnelled } from '@isthmus/mesh/http2/session.ts';
import { reset } from '@isthmus/mesh/net/reset.ts';
import type { PeerShare, Release, ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { Context } from '../engine/context.ts';
import type { Newcomer } from '../engine/newcomer.ts';

/** What a session that its peer broke costs of its identity's share of resets. */
const brokenSessionResets = 50;

const refusedStreams =
  'streams came to nothing, more than its identity may reset: their headers were larger than a server takes';

/**
 * Any number of CONNECTs over a connection that was judged; each is served for itself, and one that fails harms none.
 * All that an identity takes, over all its sessions, comes out of its share. A session that may not begin, or that ends
 * without a tunnel, counts against the address that it came from.
 */
export function serveConnects(
  context: Context,
  newcomer: Newcomer,
  secured: Secured,
  about: string,
  serve: (incoming: IncomingConnect) => Promise<void>,
): void {
  const { peer, socket } = secured;
  const { http2, connections } = context;
  const share = context.shares.of(peer.spiffeId);
  const admitted = admit(context, secured, share);
  if (!admitted) return newcomer.wasted();
  let tunnels = 0;
  let wasUsed = false;
  const session = http2.server(
    socket,
    (incoming) => {
      const begun = share.arrivals.wait(session);
      context.turns.take(peer.spiffeId, () => {
        begun();
        if (incoming.gone.aborted) return;
        serveOne(context, share, about, incoming, serve, (stream) => {
          // Its close has been before: the client has reset it meanwhile.
          if (incoming.gone.aborted) return;
          tunnels++;
          wasUsed = true;
          stream.once('close', () => {
            tunnels--;
            if (stream.errored !== null && tunnels === 0 && isInner(incoming.headers)) reset(socket);
          });
        });
      });
    },
    {
      onSettings: admitted.shaken,
      onReset({ answered, sentPayload }) {
        if ((answered && sentPayload) || share.reset()) return;
        limited(context, peer.spiffeId, 'RESETS');
        // What else the session carries may go on, and nothing is added.
        if (tunnels > (answered ? 1 : 0)) session.close();
        else session.destroy();
      },
      onRefused(resets) {
        if (share.reset(resets)) return;
        limited(context, peer.spiffeId, 'RESETS');
        if (tunnels > 0) session.close();
        else session.destroy(new CodedError('SESSION_BROKEN', refusedStreams));
      },
    },
  );
  const unheard = share.arrivals.add(session);
  const remove = connections.add({
    peer,
    about,
    close: () => session.destroy(),
    drain: () => session.close(),
  });
  session.onClose((error) => {
    admitted.shaken();
    admitted.ended();
    unheard();
    remove();
    if (!wasUsed) newcomer.wasted();
    if (error instanceof CodedError && error.code === 'SESSION_BROKEN') broken(context, peer.spiffeId, error);
  });
}

/** A session that broke off has used the proxy as resets do: who does that again and again is kept out for a while. */
function broken({ counters, refusals, shares }: Context, identity: string, error: CodedError): void {
  counters.sessionsBroken++;
  const message = `${identity} broke an HTTP/2 session: ${error.message}`;
  refusals.tell('session', identity, new CodedError(error.code, message, { cause: error }));
  shares.of(identity).reset(brokenSessionResets);
}

interface Admitted {
  readonly shaken: Release;
  readonly ended: Release;
}

/** One more session of an identity; undefined, and the connection ends, where its share has none. */
function admit(context: Context, { peer, socket }: Secured, share: PeerShare): Admitted | undefined {
  const shaken = share.take('handshakes');
  if (typeof shaken === 'string') {
    refuse(context, peer.spiffeId, shaken, socket);
    return undefined;
  }
  const wait = share.penaltyMillis;
  if (wait > 0) {
    limited(context, peer.spiffeId, 'RESETS');
    hold(context, socket, wait, shaken);
    return undefined;
  }
  const ended = share.take('sessions');
  if (typeof ended !== 'string') return { shaken, ended };
  shaken();
  refuse(context, peer.spiffeId, ended, socket);
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

function refuse(context: Context, identity: string, limit: ShareRefusal, socket: Secured['socket']): void {
  limited(context, identity, limit);
  socket.destroy();
}

/** Counted, and logged once a second for each limit at most. */
function limited({ counters, refusals }: Context, identity: string, limit: ShareRefusal): void {
  counters.limited++;
  const message = `${identity} has used up its share of ${limit}; what it asks for more is refused`;
  refusals.tell('share', identity, new CodedError(`PEER_LIMIT_${limit}`, message));
}

function serveOne(
  context: Context,
  share: PeerShare,
  about: string,
  incoming: IncomingConnect,
  serve: (incoming: IncomingConnect) => Promise<void>,
  onAccepted: (stream: Tunnelled) => void,
): void {
  const free = context.slots.take();
  if (!free) {
    context.counters.dropped++;
    incoming.refuse(503, { 'x-isthmus-reason': 'OVERLOADED' });
    return;
  }
  const counted = countOne(share, incoming, onAccepted);
  if (typeof counted === 'string') {
    free();
    context.counters.limited++;
    incoming.refuse(503, { 'x-isthmus-reason': `PEER_LIMIT_${counted}` });
    return;
  }
  serve(counted)
    .catch((error: unknown) => {
      incoming.refuse(503);
      context.lines.error('connect', { about, error: String(error) }, 'a CONNECT failed');
    })
    .finally(free);
}

/** The same CONNECT, counted as a stream until it has closed and as unanswered until it was answered. */
function countOne(
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
