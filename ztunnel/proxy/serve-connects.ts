import { isInner } from '@isthmus/mesh/hbone/connect-headers.ts';
import type { Http2, IncomingConnect, ServerSession, Tunnelled } from '@isthmus/mesh/http2/session.ts';
import { codeOf } from '@isthmus/mesh/process/coded-error.ts';
import { ProxyError } from '../proxy-error.ts';
import type { PeerShare, PeerShares, ShareRefusal } from '@isthmus/mesh/shares/peer-share.ts';
import type { Secured } from '@isthmus/mesh/tls/handshake.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Turns } from '@isthmus/mesh/process/turns.ts';
import type { Newcomer } from './newcomer.ts';
import { admitSession, type AdmitDeps, type Admitted } from './admit-session.ts';
import { countConnect } from './count-connect.ts';
import { peerLimited, type PeerLimitedDeps } from './peer-limited.ts';
import type { Connections } from './connections.ts';
import type { Slots } from './slots.ts';

/** What a session that its peer broke costs of its identity's share of resets. */
const brokenSessionResets = 50;

const refusedStreams =
  'streams came to nothing, more than its identity may reset: their headers were larger than a server takes';

interface SessionDeps extends PeerLimitedDeps {
  readonly http2: Http2;
  readonly connections: Connections;
  readonly turns: Turns;
  readonly slots: Slots;
  readonly lines: LimitedLines;
  readonly counters: Record<'limited' | 'dropped' | 'sessionsBroken', number>;
}

export interface ConnectsDeps extends SessionDeps, AdmitDeps {
  readonly shares: PeerShares;
  readonly counters: SessionDeps['counters'];
}

type Serve = (incoming: IncomingConnect) => Promise<void>;

/**
 * Any number of CONNECTs over a connection that was judged; each is served for itself, and one that fails harms none.
 * All that an identity takes, over all its sessions, comes out of its share. A session that may not begin, or that ends
 * without a tunnel, counts against the address that it came from.
 */
export function serveConnects(
  deps: ConnectsDeps,
  newcomer: Newcomer,
  secured: Secured,
  about: string,
  serve: Serve,
): void {
  const share = deps.shares.of(secured.peer.spiffeId);
  const admitted = admitSession(deps, secured, share);
  if (admitted) new Served(deps, secured, share, about, serve).begin(admitted, newcomer);
  else newcomer.wasted();
}

/** One session of a peer. */
class Served {
  readonly #deps: SessionDeps;
  readonly #peer: Secured['peer'];
  readonly #share: PeerShare;
  readonly #about: string;
  readonly #serve: Serve;
  readonly #session: ServerSession;
  #tunnels = 0;
  #wasUsed = false;
  #onSettings = () => undefined as void;

  constructor(deps: SessionDeps, secured: Secured, share: PeerShare, about: string, serve: Serve) {
    this.#deps = deps;
    this.#peer = secured.peer;
    this.#share = share;
    this.#about = about;
    this.#serve = serve;
    this.#session = deps.http2.server(secured.stream, (incoming) => this.#arrived(incoming), {
      onSettings: () => this.#onSettings(),
      onReset: ({ answered, sentPayload }) => {
        if ((answered && sentPayload) || share.reset()) return;
        this.#overResets(this.#tunnels > (answered ? 1 : 0));
      },
      onRefused: (resets) => {
        if (!share.reset(resets))
          this.#overResets(this.#tunnels > 0, new ProxyError('SESSION_BROKEN', refusedStreams));
      },
      onHeld: (bytes) => share.held(this.#session, bytes),
    });
  }

  begin({ shaken, ended }: Admitted, newcomer: Newcomer): void {
    const session = this.#session;
    this.#onSettings = shaken;
    const entered = this.#deps.connections.enter({
      peer: this.#peer,
      inbound: undefined,
      outbound: undefined,
      about: this.#about,
      drain: () => session.close(),
    });
    const place = entered.kind === 'place' ? entered.place : undefined;
    place?.carried(this.#about, () => session.destroy());
    const unheard = this.#share.backpressure.add(session);
    session.onClose((error) => {
      for (const release of [shaken, ended, unheard]) release();
      place?.leave();
      if (!this.#wasUsed) newcomer.wasted();
      if (error && codeOf(error) === 'SESSION_BROKEN') this.#broken(error);
    });
    // Its issuer was revoked since the handshake.
    if (!place) session.destroy();
  }

  get #identity(): string {
    return this.#peer.spiffeId;
  }

  #arrived(incoming: IncomingConnect): void {
    const begun = this.#share.backpressure.wait(this.#session);
    const refusal = this.#share.refusal;
    // At once, so that what is refused does not wait in memory; it takes its turn all the same.
    if (refusal !== undefined) this.#refuse(incoming, refusal);
    this.#deps.turns.take(this.#identity, () => {
      begun();
      if (refusal !== undefined || incoming.closed) return;
      const limit = this.#begun(incoming);
      if (limit !== undefined) this.#refuse(incoming, limit);
    });
  }

  /** Serves a CONNECT, or gives the limit of its identity that it would go beyond. */
  #begun(incoming: IncomingConnect): ShareRefusal | undefined {
    const { slots, counters, lines } = this.#deps;
    const free = slots.take();
    if (!free) {
      counters.dropped++;
      incoming.refuse(503, { 'x-isthmus-reason': 'OVERLOADED' });
      return undefined;
    }
    const counted = countConnect(this.#share, incoming, (stream) => this.#accepted(incoming, stream));
    if (typeof counted === 'string') {
      free();
      return counted;
    }
    this.#serve(counted)
      .catch((error: unknown) => {
        incoming.refuse(503);
        lines.error('connect', { about: this.#about, error: String(error) }, 'a CONNECT failed');
      })
      .finally(free);
    return undefined;
  }

  #accepted({ closed, headers }: IncomingConnect, stream: Tunnelled): void {
    // Its close has been before: the client has reset it meanwhile.
    if (closed) return;
    this.#tunnels++;
    this.#wasUsed = true;
    void stream.whenClosed.then((reset) => {
      this.#tunnels--;
      if (reset && this.#tunnels === 0 && isInner(headers)) this.#session.reset();
    });
  }

  /** A session that asks again and again for what its identity may not have takes no more. */
  #refuse(incoming: IncomingConnect, limit: ShareRefusal): void {
    this.#deps.counters.limited++;
    incoming.refuse(503, { 'x-isthmus-reason': `PEER_LIMIT_${limit}` });
    if (this.#share.refused()) return;
    peerLimited(this.#deps, this.#identity, 'REFUSALS');
    this.#session.takeNoMore();
  }

  /** What else the session carries may go on, and nothing is added. */
  #overResets(carriesMore: boolean, error?: Error): void {
    peerLimited(this.#deps, this.#identity, 'RESETS');
    if (carriesMore) this.#session.close();
    else this.#session.destroy(error);
  }

  /** A session that broke off has used the proxy as resets do: a peer that does it again is kept out for a while. */
  #broken(error: Error): void {
    const { counters, refusals } = this.#deps;
    counters.sessionsBroken++;
    const message = `${this.#identity} broke an HTTP/2 session: ${error.message}`;
    refusals.tell('session', this.#identity, new ProxyError('SESSION_BROKEN', message, { cause: error }));
    this.#share.reset(brokenSessionResets);
  }
}
