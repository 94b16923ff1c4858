import type { Connection } from '@isthmus/mesh/net/connection.ts';
import type { Handshake, HandshakeLimit, Handshakes } from '@isthmus/mesh/net/handshakes.ts';
import type { HeldSockets } from '@isthmus/mesh/net/held-sockets.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { ProxyError } from '../proxy-error.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { Refusals } from './refusals.ts';
import type { Slots } from './slots.ts';

/** Made once: the reason that a signal makes by itself costs as much as the rest of a connection's end. */
const hasClosed = new ProxyError('CONNECTION_CLOSED', 'the connection has closed');

/** What all accepted connections of a data worker share. */
export interface NewcomerDeps {
  /** Of all listeners together, as they share the worker's time and descriptors. */
  readonly handshakes: Handshakes;
  /** Connections that were refused before their handshake. */
  readonly held: HeldSockets;
  readonly slots: Slots;
  readonly counters: Record<'dropped', number>;
  readonly refusals: Refusals;
  readonly state: MeshState;
  readonly config: Pick<ProxyConfig, 'network'>;
}

/**
 * What an accepted connection takes of a data worker: a place among the handshakes while its peer is unknown, a slot
 * once it is known or where nobody has to be. Never both: peers that say nothing must not use up what those that have
 * proved who they are share. Both are given back when the connection closes.
 */
export class Newcomer {
  readonly connection: Connection;
  /** Whose limits are used, where that is not who connects. */
  readonly address: string;
  readonly #limits: NewcomerDeps;
  readonly #role: string;
  #handshake: Handshake | undefined;
  #slot: (() => void) | undefined;
  #ended: HandshakeLimit | undefined;
  #closed = false;
  #gone: AbortController | undefined;

  /** `role` is that of the listener, for the log. */
  constructor(limits: NewcomerDeps, connection: Connection, role: string, address: string) {
    this.connection = connection;
    this.#limits = limits;
    this.#role = role;
    this.address = address;
    void connection.whenClosed.then(() => {
      this.#handshake?.failed(this.#blames() ? 'bytes' : 'silent');
      this.#slot?.();
      this.#closed = true;
      // The event costs as much as the rest of a connection's end, and one that has its slot waits for nothing by it.
      if (!this.#slot) this.#gone?.abort(hasClosed);
    });
  }

  /** Why a limit of handshakes has ended the connection; undefined when none has. */
  get ended(): string | undefined {
    return this.#ended && this.#limits.handshakes.explain(this.#ended);
  }

  /** Aborts when the connection closes before it is seated. Made when it is asked for: most connections need none. */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#closed) this.#gone.abort(hasClosed);
    return this.#gone.signal;
  }

  /** What follows is a handshake. False when the connection was refused instead: it is closed, now or in a second. */
  shake(): boolean {
    if (this.#handshake) return !this.#ended;
    const { handshakes } = this.#limits;
    this.#handshake = handshakes.begin(this.address, (reason) => this.#end(reason));
    if (!this.#handshake) this.#end('HANDSHAKES_FAILED');
    this.#slot?.();
    this.#slot = undefined;
    return !this.#ended;
  }

  /** TLS with it begins now. */
  begun(): void {
    this.#handshake?.begun();
  }

  /**
   * The peer is known, or need not be. False when there is no room for it or a limit has ended it: then the connection
   * has been destroyed. A connection whose peer has gone needs no slot, and its handler fails at the first read or write.
   */
  seat(): boolean {
    this.#handshake?.succeeded();
    if (this.#ended) return false;
    if (this.#closed) return true;
    this.#slot ??= this.#limits.slots.take();
    if (this.#slot) return true;
    this.#limits.counters.dropped++;
    this.connection.close();
    return false;
  }

  /** Its peer is known by now and took what it cost for nothing: counts against its address. */
  wasted(): void {
    if (this.#blames()) this.#limits.handshakes.wasted(this.address);
  }

  /**
   * Whether what it does counts against its address. What comes from an east-west gateway was not said by it: strangers
   * who may send hellos through it must not be able to cut off everybody behind it.
   */
  #blames(): boolean {
    const { state, config } = this.#limits;
    return this.connection.bytesRead > 0 && !state.workloads.isGateway(config.network, this.address);
  }

  #end(reason: HandshakeLimit): void {
    this.#ended = reason;
    // What has been read is being waited for.
    if (reason === 'HANDSHAKES_FAILED' && this.connection.bytesRead === 0)
      this.#limits.held.hold(this.connection);
    else this.connection.close();
    const error = new ProxyError(reason, this.#limits.handshakes.explain(reason));
    this.#limits.refusals.tell(this.#role, this.address, error);
  }
}
