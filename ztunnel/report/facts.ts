import type {
  ConnectResult,
  DestinationLoad,
  HeldCertificate,
  UnboundPort,
} from '@isthmus/api/domain/proxy-report.ts';

/** All that a proxy knows about itself now. Each list by a key that stays the same while its entry changes. */
export interface ProxyFacts {
  /** By identity. */
  readonly certificates: ReadonlyMap<string, HeldCertificate>;
  /** By `<address>:<port>`. */
  readonly unbound: ReadonlyMap<string, UnboundPort>;
  readonly openConnections: number;
  /** By kind, address and port. */
  readonly connects: ReadonlyMap<string, ConnectResult>;
  /** By service. */
  readonly destinations: ReadonlyMap<string, DestinationLoad>;
  readonly leftOut: number;
}

export const noFacts: ProxyFacts = {
  certificates: new Map(),
  unbound: new Map(),
  openConnections: 0,
  connects: new Map(),
  destinations: new Map(),
  leftOut: 0,
};
