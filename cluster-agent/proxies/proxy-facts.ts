import {
  proxyReportLimits,
  type ConnectResult,
  type DestinationLoad,
  type HeldCertificate,
  type Place,
  type UnboundPort,
} from '@isthmus/api/domain/proxy-report.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';

/** What one proxy may report about, which the agent decides and not the proxy. */
export interface Allowed {
  /** It may have a certificate of this identity now. */
  readonly identity: (identity: string) => boolean;
  /** It serves the pod of this address, or the virtual address is its own. */
  readonly place: (place: Place) => boolean;
  /** It has this service, `<namespace>/<hostname>`. */
  readonly service: (service: string) => boolean;
  /** A cluster that it may have dialled. */
  readonly cluster: (cluster: string) => boolean;
}

/** Entries that were not taken, and the latest of them in words. */
export interface Refused {
  readonly count: number;
  /** `<field>: <why>`; '' when none was refused. */
  readonly last: string;
}

/** What one proxy of ours says about itself. Entries that it may not make are refused by themselves, and counted. */
export class ProxyFacts {
  readonly certificates = new Map<string, HeldCertificate>();
  /** By `<address> <port>`. */
  readonly unbound = new Map<string, UnboundPort>();
  /** By kind, address and port. */
  readonly connects = new Map<string, ConnectResult>();
  readonly destinations = new Map<string, DestinationLoad>();
  openConnections: number | undefined;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Entries that the proxy itself did not send, as they were too many. */
  leftOut = 0;
  #refused: Refused = { count: 0, last: '' };

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  get refused(): Refused {
    return this.#refused;
  }

  /** All of it, as one report. */
  asReport(): ReadReport {
    return {
      nodeId: '',
      certificates: [...this.certificates.values()],
      forgotten: [],
      unbound: [...this.unbound.values()],
      bound: [],
      openConnections: this.openConnections,
      connects: [...this.connects.values()],
      destinations: [...this.destinations.values()],
      leftOut: this.leftOut,
      startedAt: this.startedAt,
      refused: [],
    };
  }

  /** Takes what changed. Returns the identities whose certificate is another one now. */
  take(report: ReadReport, allowed: Allowed): readonly string[] {
    for (const { field, why } of report.refused) this.#refuse(field, why);
    const changed = this.#takeCertificates(report, allowed);
    this.#takePorts(report, allowed);
    for (const one of report.connects) this.#takeConnect(one, allowed);
    for (const one of report.destinations) this.#takeDestination(one, allowed);
    this.openConnections = report.openConnections ?? this.openConnections;
    this.leftOut = Math.max(this.leftOut, report.leftOut);
    return changed;
  }

  #takeCertificates({ certificates, forgotten }: ReadReport, allowed: Allowed): readonly string[] {
    const changed: string[] = [];
    for (const identity of forgotten) if (this.certificates.delete(identity)) changed.push(identity);
    for (const one of certificates) {
      const { identity } = one;
      if (!allowed.identity(identity))
        this.#refuse('certificates', `${identity} is not of a pod that this proxy serves`);
      else if (this.#hasRoom('certificates', this.certificates, identity)) {
        this.certificates.set(identity, one);
        changed.push(identity);
      }
    }
    return changed;
  }

  #takePorts({ unbound, bound }: ReadReport, allowed: Allowed): void {
    for (const place of bound) this.unbound.delete(placeKey(place));
    for (const one of unbound) {
      const key = placeKey(one.place);
      if (!allowed.place(one.place))
        this.#refuse('unbound', `${one.place.address} is not an address that this proxy listens on`);
      else if (this.#hasRoom('unbound', this.unbound, key)) this.unbound.set(key, one);
    }
  }

  #takeConnect(one: ConnectResult, allowed: Allowed): void {
    const key = `${one.kind} ${placeKey(one.place)}`;
    const before = this.connects.get(key);
    if (!allowed.cluster(one.cluster))
      this.#refuse('connects', `cluster ${one.cluster} is not known to this proxy`);
    else if (before && connectCounts.some((count) => one[count] < before[count]))
      this.#refuse('connects', `a count of ${key} is lower than before`);
    else if (this.#hasRoom('connects', this.connects, key)) this.connects.set(key, one);
  }

  #takeDestination(one: DestinationLoad, allowed: Allowed): void {
    const before = this.destinations.get(one.service);
    if (!allowed.service(one.service))
      this.#refuse('destinations', `service ${one.service} is not known to this proxy`);
    else if (before && (one.requests < before.requests || one.failures < before.failures))
      this.#refuse('destinations', `a count of ${one.service} is lower than before`);
    else if (this.#hasRoom('destinations', this.destinations, one.service))
      this.destinations.set(one.service, one);
  }

  #hasRoom(
    field: 'certificates' | 'unbound' | 'connects' | 'destinations',
    held: ReadonlyMap<string, unknown>,
    key: string,
  ): boolean {
    const max = proxyReportLimits[field];
    if (held.has(key) || held.size < max) return true;
    this.#refuse(field, `more than ${max} entries; the entries before it are kept`);
    return false;
  }

  #refuse(field: string, why: string): void {
    this.#refused = { count: this.#refused.count + 1, last: `${field}: ${why}` };
  }
}

const connectCounts = ['connected', 'unreached', 'untrusted', 'refused', 'silent'] as const;

const placeKey = ({ address, port }: Place): string => `${address} ${port}`;
