/** An IP address in canonical form, and a port. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

/** What a proxy would show for one identity now. */
export interface HeldCertificate {
  /** SPIFFE ID. */
  readonly identity: string;
  /** Lower-case hex; '' when none is held. */
  readonly serial: string;
  /** Lower-case hex; '' when none is held. */
  readonly issuerKeyId: string;
  /** Epoch milliseconds; 0 when none is held. */
  readonly notAfter: number;
  /** Why the last request failed, UPPER_SNAKE; '' when it did not. */
  readonly problem: string;
}

/** A port that the proxy should listen on and cannot bind. */
export interface UnboundPort {
  readonly place: Place;
  /** EACCES, EADDRINUSE and the like. */
  readonly code: string;
}

/** What came of dials to one address since the proxy's start. */
export interface ConnectResult {
  readonly kind: 'ENDPOINT' | 'GATEWAY';
  readonly place: Place;
  /** Of the endpoint, or the gateway's own. */
  readonly cluster: string;
  readonly connected: number;
  /** No TCP connection. */
  readonly unreached: number;
  /** No TLS, or not the expected peer. */
  readonly untrusted: number;
  /** The CONNECT was refused. */
  readonly refused: number;
  /** No answer within a second: another endpoint was dialled beside it. */
  readonly silent: number;
  /** Epoch milliseconds; 0: none failed. */
  readonly lastFailureAt: number;
}

/** What a proxy carried to one service since its start. At L4 a request is a connection. */
export interface DestinationLoad {
  /** `<namespace>/<hostname>`. */
  readonly service: string;
  readonly requests: number;
  readonly failures: number;
  readonly inFlight: number;
}

/** What changed at a proxy since its last message. */
export interface ProxyReport {
  /** As Node.id in discovery; '' but in the first message. */
  readonly nodeId: string;
  readonly certificates: readonly HeldCertificate[];
  /** Identities that it no longer needs. */
  readonly forgotten: readonly string[];
  readonly unbound: readonly UnboundPort[];
  readonly bound: readonly Place[];
  readonly openConnections: number | undefined;
  readonly connects: readonly ConnectResult[];
  readonly destinations: readonly DestinationLoad[];
  /** Entries beyond the limits, since the proxy's start. */
  readonly leftOut: number;
  /** Epoch milliseconds; 0 but in the first message. */
  readonly startedAt: number;
}

/** An entry that is not as it should be. It is left out, and the others are taken. */
export interface RefusedEntry {
  /** `certificates`, `unbound` and the like. */
  readonly field: string;
  /** Which part of it, and why. */
  readonly why: string;
}

/** What was read of a message, and what was not taken of it. */
export interface ReadReport extends ProxyReport {
  readonly refused: readonly RefusedEntry[];
}

/** A message without any news. */
export const emptyReport: ProxyReport = {
  nodeId: '',
  certificates: [],
  forgotten: [],
  unbound: [],
  bound: [],
  openConnections: undefined,
  connects: [],
  destinations: [],
  leftOut: 0,
  startedAt: 0,
};

/** Most that one proxy may report at a time; what is beyond is refused and counted. */
export const proxyReportLimits = {
  certificates: 512,
  unbound: 1024,
  connects: 256,
  destinations: 1024,
  /** Of one message. */
  bytes: 64 * 1024,
  /** Messages. */
  perSecond: 1,
  burst: 5,
  /** Milliseconds from the opening of the stream to its first message. */
  firstMessageMillis: 10_000,
} as const;
