import type { ProxyHolds, SharedProxy } from '@isthmus/api/domain/replica.ts';
import type { Acknowledgement } from '@isthmus/mesh/delta/produced.ts';
import type { ClientView } from './client-view.ts';
import { clientOf, type ProxyClient } from './proxy-client.ts';
import { RemoteStream } from './remote-stream.ts';

/** Proxies that are believed to be at other replicas. A cluster of 5,000 nodes has as many ztunnels. */
export const maxRemote = 20_000;

interface Deps {
  readonly viewOf: (client: ProxyClient) => ClientView;
  /** The proxy has a stream here, which counts in place of one at another replica. */
  readonly isHere: (client: string) => boolean;
  readonly onOpened: (stream: RemoteStream) => void;
  readonly onLost: (stream: RemoteStream, isReplicaLost: boolean) => void;
  readonly onAck: (stream: RemoteStream, type: string, acknowledgement: Acknowledgement) => void;
}

interface Entry {
  readonly stream: RemoteStream;
  /** The exchange that has said so. */
  readonly from: object;
}

/** Proxies whose streams are at other replicas of this agent, by what those say. */
export class RemoteStreams {
  readonly #deps: Deps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(client: string): RemoteStream | undefined {
    return this.#deps.isHere(client) ? undefined : this.#entries.get(client)?.stream;
  }

  /** Those that have no stream here. */
  *values(): Iterable<RemoteStream> {
    for (const [client, { stream }] of this.#entries) if (!this.#deps.isHere(client)) yield stream;
  }

  /** All of them, so that what they hold is followed also while a proxy has a stream here, too. */
  *all(): Iterable<RemoteStream> {
    for (const { stream } of this.#entries.values()) yield stream;
  }

  /** Why it is not taken; undefined: it is. `from`: the exchange that says so. */
  opened(proxy: SharedProxy, from: object): string | undefined {
    const client = clientOf(proxy);
    if (!client) return `${proxy.id} is no id of a proxy`;
    if (this.#entries.size >= maxRemote && !this.#entries.has(client.id))
      return `more than ${maxRemote} proxies are taken of no replica`;
    const stream = new RemoteStream(this.#deps.viewOf(client), proxy.connectedSince);
    this.#entries.set(client.id, { stream, from });
    this.#deps.onOpened(stream);
    return undefined;
  }

  /** The same. What is said of a proxy that is not known is of one that another exchange has taken over. */
  holds(holds: ProxyHolds, from: object): string | undefined {
    const entry = this.#of(holds.proxy, from);
    if (!entry) return undefined;
    const acknowledgement = entry.stream.take(holds);
    if (!acknowledgement)
      return `${holds.proxy} holds too much, or a type that it does not take: ${holds.type}`;
    this.#deps.onAck(entry.stream, holds.type, acknowledgement);
    return undefined;
  }

  lost(proxy: string, from: object): void {
    const entry = this.#of(proxy, from);
    if (entry) this.#remove(entry, false);
  }

  /** The exchange has ended: whether these proxies have lost their streams is not known. */
  ended(from: object): void {
    for (const entry of [...this.#entries.values()]) if (entry.from === from) this.#remove(entry, true);
  }

  /** Whether what an exchange says of a proxy counts. */
  isFrom(proxy: string, from: object): boolean {
    return this.#of(proxy, from) !== undefined;
  }

  #of(proxy: string, from: object): Entry | undefined {
    const entry = this.#entries.get(proxy);
    return entry?.from === from ? entry : undefined;
  }

  #remove({ stream }: Entry, isReplicaLost: boolean): void {
    this.#entries.delete(stream.view.client.id);
    this.#deps.onLost(stream, isReplicaLost);
  }
}
