/** Where a connection goes, from where, and with whose certificate (PEM). */
export interface Aim {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly key: string;
  readonly chain: string;
  /** A connection that has no HTTP/2 session by then is left; without it the attacker waits. Milliseconds. */
  readonly patience?: number;
}

/** The job of the driver's process. */
export interface Job extends Aim {
  readonly attack: string;
  /** What a CONNECT asks for. */
  readonly authority: string;
  readonly connections: number;
  /** The attack ends after this long, whether the target has ended it or not. */
  readonly seconds: number;
  /** What else an attack wants to know. */
  readonly variant?: string;
  /** How many of the attack's frames, where it has an end. */
  readonly count?: number;
  /** The beginning of the addresses that are dialled from in turn, where one is not enough. */
  readonly from?: string;
  /** Ports that are dialled in turn, where one is not enough. */
  readonly ports?: readonly number[];
  /** Most streams on a connection, where they do not end by themselves. */
  readonly streams?: number;
}

/** How one session of an attack went. */
export interface SessionOutcome {
  /** Milliseconds from the attack's first byte until the target closed the connection; null: the attacker did. */
  readonly closedAfter: number | null;
  /** Frames, or pairs of frames, of the attack that were handed to the socket. */
  readonly sent: number;
  /** CONNECTs answered with 200, and with anything else. */
  readonly accepted: number;
  readonly refused: number;
  /** Streams that the target reset. */
  readonly reset: number;
}

/** How connections fared that were never sessions. */
export interface Flooded {
  /** Connections that came about. */
  readonly begun: number;
  /** Those that did not. */
  readonly unconnected: number;
  /** Those that the target had not ended at the end. */
  readonly held: number;
  /** Milliseconds that the target held the longest, from the moment it was connected. */
  readonly longest: number;
  /** Milliseconds that the kernel took to connect the slowest, with SYNs that were sent again. */
  readonly slowest: number;
}

export interface Outcome {
  readonly sessions: readonly SessionOutcome[];
  /** Connections on which no HTTP/2 session came about. */
  readonly unopened: number;
  readonly millis: number;
  readonly flooded?: Flooded;
  /** Milliseconds from the last connection's beginning to the end of all. */
  readonly waited?: number;
}
