import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { ClientId } from '../keys/names.ts';
import { ProxyFacts, type Allowed } from './proxy-facts.ts';

/** How long what a proxy said is kept after its stream ended, milliseconds: as long as its absence does not count. */
const keptMillis = 5000;

interface Entry {
  facts: ProxyFacts;
  forget: Timer | undefined;
}

interface Deps {
  readonly clock: Clock;
  /** A certificate that the proxy reports is another one now. */
  readonly onCertificates: (client: ClientId) => void;
}

/** What proxies say about themselves while they report, by the id of their xDS client. Bounded by the number of clients. */
export class ProxyReports {
  readonly #deps: Deps;
  readonly #entries = new Map<ClientId, Entry>();
  /** What proxies at other replicas of the agent say. */
  readonly #remote = new Map<ClientId, ProxyFacts>();
  /** What a proxy here says is another now. */
  onReport: (client: ClientId) => void = () => undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(client: ClientId): ProxyFacts | undefined {
    return this.own(client) ?? this.#remote.get(client);
  }

  /** Of a proxy that reports to this replica. */
  own(client: ClientId): ProxyFacts | undefined {
    return this.#entries.get(client)?.facts;
  }

  /** What a proxy says to another replica, all of it, which that has checked; undefined: it says nothing there. */
  setRemote(client: ClientId, report: ReadReport | undefined): void {
    const had = this.#remote.delete(client);
    if (report) {
      const facts = new ProxyFacts(report.startedAt);
      facts.take(report, anything);
      this.#remote.set(client, facts);
    }
    if ((had || report) && !this.#entries.has(client)) this.#deps.onCertificates(client);
  }

  /** A stream of reports begins: it says everything again. */
  begin(client: ClientId, startedAt: number): void {
    const before = this.#entries.get(client);
    before?.forget?.cancel();
    this.#entries.set(client, { facts: new ProxyFacts(startedAt), forget: undefined });
    if (before) this.#deps.onCertificates(client);
    this.onReport(client);
  }

  take(client: ClientId, report: ReadReport, allowed: Allowed): void {
    const entry = this.#entries.get(client);
    if (!entry) return;
    const changed = entry.facts.take(report, allowed);
    if (changed.length > 0) this.#deps.onCertificates(client);
    this.onReport(client);
  }

  /** Its stream of reports has ended, by itself or with the xDS stream: what it said is not known to hold any more. */
  ended(client: ClientId): void {
    const entry = this.#entries.get(client);
    if (!entry || entry.forget) return;
    entry.forget = this.#deps.clock.after(keptMillis, () => {
      this.#entries.delete(client);
      this.#deps.onCertificates(client);
      this.onReport(client);
    });
  }

  get size(): number {
    return this.#entries.size + this.#remote.size;
  }
}

const anything: Allowed = {
  identity: () => true,
  place: () => true,
  service: () => true,
  cluster: () => true,
};
