/** Where a connection goes, from where, and with whose certificate (PEM). */
export interface Aim {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly key: string;
  readonly chain: string;
}

/** What the driver's process is told to do. */
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

export interface Outcome {
  readonly sessions: readonly SessionOutcome[];
  /** Connections on which no HTTP/2 session came about. */
  readonly unopened: number;
  readonly millis: number;
}
