import type { IssuedCertificate, Shared } from '@isthmus/api/domain/replica.ts';
import { sharedLimits } from '@isthmus/api/domain/replica.ts';
import type { ClientId } from '../keys/names.ts';
import type { ProxyFacts } from '../proxies/proxy-facts.ts';
import type { ProxyStream } from '../xds/stream.ts';

/** Names in one message: some 300 KiB. */
const pageSize = Math.min(2000, sharedLimits.entries);

/** What this replica knows of its own proxies, as it is at the moment. */
export interface OwnProxies {
  own(): Iterable<ProxyStream>;
  ownStream(client: string): ProxyStream | undefined;
  facts(client: ClientId): ProxyFacts | undefined;
}

/** What the peer has yet to hear of one proxy. */
interface Due {
  isOpened: boolean;
  isSaid: boolean;
  /** By type; `begins`: all that it holds, of which nothing has been sent. */
  readonly types: Map<string, { begins: boolean; readonly names: Set<string> }>;
}

/**
 * What is to be said to one other replica of this replica's own proxies, and what has been. Nothing queues but names: a
 * message is made of what a proxy holds when there is room for it.
 */
export class Outgoing {
  readonly #proxies: OwnProxies;
  readonly #due = new Map<ClientId, Due>();
  /** Proxies that the peer knows, and the types of which it has heard everything once. */
  readonly #announced = new Map<ClientId, Set<string>>();
  /** By proxy and identity. */
  readonly #certificates = new Map<string, IssuedCertificate>();

  constructor(proxies: OwnProxies, issued: Iterable<IssuedCertificate>) {
    this.#proxies = proxies;
    for (const stream of proxies.own()) {
      const due = this.#of(stream.view.client.id);
      due.isOpened = true;
      due.isSaid = true;
      // Of a type that it has not asked for yet nothing is known: its first answer will say all.
      for (const type of stream.types)
        if (stream.isOpened(type)) due.types.set(type, { begins: true, names: new Set() });
    }
    for (const one of issued) this.issued(one);
  }

  opened(client: ClientId): void {
    if (!this.#proxies.ownStream(client)) return;
    this.#announced.delete(client);
    this.#due.delete(client);
    this.#of(client).isOpened = true;
  }

  lost(client: ClientId): void {
    if (this.#announced.has(client) || this.#due.has(client)) this.#of(client);
  }

  /** A proxy has answered: names of a type that it holds otherwise now. The first time all that it holds is said. */
  answered(client: ClientId, type: string, names: Iterable<string>): void {
    if (!this.#proxies.ownStream(client)) return;
    const due = this.#of(client);
    const isKnown = this.#announced.get(client)?.has(type) ?? false;
    const ofType = due.types.get(type) ?? { begins: !isKnown, names: new Set<string>() };
    due.types.set(type, ofType);
    if (!ofType.begins) for (const name of names) ofType.names.add(name);
  }

  reported(client: ClientId): void {
    if (this.#proxies.ownStream(client)) this.#of(client).isSaid = true;
  }

  issued(certificate: IssuedCertificate): void {
    this.#certificates.set(`${certificate.proxyUid} ${certificate.identity}`, certificate);
  }

  /** Undefined: the peer has heard everything. */
  next(): Shared | undefined {
    for (const [client, due] of this.#due) {
      const message = this.#ofProxy(client, due);
      if (message) return message;
      this.#due.delete(client);
    }
    return this.#nextCertificates();
  }

  #of(client: ClientId): Due {
    const known = this.#due.get(client);
    if (known) return known;
    const due: Due = { isOpened: false, isSaid: false, types: new Map() };
    this.#due.set(client, due);
    return due;
  }

  #ofProxy(client: ClientId, due: Due): Shared | undefined {
    const stream = this.#proxies.ownStream(client);
    if (!stream) return this.#announced.delete(client) ? { kind: 'lost', proxy: client } : undefined;
    if (due.isOpened) return this.#opening(stream, due);
    for (const [type, ofType] of due.types) {
      const { begins, names } = ofType;
      if (begins) for (const name of stream.heldNames(type)) names.add(name);
      ofType.begins = false;
      if (begins || names.size > 0) return this.#holding(stream, type, names, begins);
      due.types.delete(type);
      this.#announced.get(client)?.add(type);
    }
    if (!due.isSaid) return undefined;
    due.isSaid = false;
    const report = this.#proxies.facts(client)?.asReport();
    return { kind: 'says', proxy: client, report };
  }

  #opening({ view: { client }, openedAt }: ProxyStream, due: Due): Shared {
    due.isOpened = false;
    this.#announced.set(client.id, new Set());
    const { id, nodeName: node, version, upstreamVersion } = client;
    return { kind: 'opened', proxy: { id, node, version, upstreamVersion, connectedSince: openedAt } };
  }

  #holding(stream: ProxyStream, type: string, names: Set<string>, begins: boolean): Shared {
    const page: string[] = [];
    for (const name of names) {
      if (page.length >= pageSize) break;
      names.delete(name);
      page.push(name);
    }
    const said = page.map((name) => [name, stream.acknowledged(type, name)] as const);
    return {
      kind: 'holds',
      proxy: stream.view.client.id,
      type,
      begins,
      completed: names.size === 0 && stream.isCompleted(type),
      returned: stream.returned,
      held: said.flatMap(([name, one]) => {
        if (one === undefined) return [];
        const [version, refused] =
          typeof one === 'string' ? [one, ''] : [one.version, one.reason || 'refused'];
        return [{ name, version, refused }];
      }),
      none: said.flatMap(([name, one]) => (one === undefined ? [name] : [])),
    };
  }

  #nextCertificates(): Shared | undefined {
    const issued: IssuedCertificate[] = [];
    for (const [key, one] of this.#certificates) {
      if (issued.length >= pageSize) break;
      this.#certificates.delete(key);
      issued.push(one);
    }
    return issued.length > 0 ? { kind: 'certificates', issued } : undefined;
  }
}
