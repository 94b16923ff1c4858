import type { Revision } from './store.ts';

/**
 * How what was asked for ended. DONE made a commit. UNCHANGED asked for what was so already. DRY_RUN asked what would
 * follow. REFUSED: the caller may ask, and the hub said no. DENIED: the caller may not ask at all. All but DONE changed
 * nothing.
 */
export type AuditOutcome = 'DONE' | 'UNCHANGED' | 'DRY_RUN' | 'REFUSED' | 'DENIED';

/** What the log is searched by. It is held in memory, so it is small: its texts are limited where they are made. */
export interface AuditHead {
  /** Position in the log: grows, and is never given again. */
  readonly number: number;
  /** Epoch milliseconds of the first and of the last time; `count` is how often it came. */
  readonly at: number;
  readonly lastAt: number;
  readonly count: number;
  readonly actor: string;
  readonly action: string;
  /** `<kind>/<name>`; empty: of no one object. */
  readonly subject: string;
  readonly outcome: AuditOutcome;
  /** Of the first error; empty when there was none. */
  readonly code: string;
  /** A step that the hub or an agent took by itself. */
  readonly system: boolean;
  /** GraphQL refused it before a command saw it. Present only when true: these have a ring of their own. */
  readonly malformed?: true;
  /** Of the store after it. */
  readonly revision: Revision;
}

/** A part of an entry that was too large to be kept. */
export interface Omitted {
  /** `input.policy.access.rules` */
  readonly path: string;
  /** Of its JSON. */
  readonly bytes: number;
  /** SHA-256 of its JSON, in hex. */
  readonly sha256: string;
}

/** Objects by `<kind>/<id>`; null: it was not, or is no longer, there. */
export type AuditState = Readonly<Record<string, unknown>>;

/** Why something was refused, as it is kept: `code` is the hub's, GraphQL's, or one of an earlier version. */
export interface RecordedError {
  readonly code: string;
  readonly field: readonly string[];
  readonly message: string;
}

/** The rest of an entry: JSON without secrets, and bounded, both by who makes it. */
export interface AuditBody {
  readonly reason: string;
  readonly input: unknown;
  readonly before: AuditState;
  readonly after: AuditState;
  readonly errors: readonly RecordedError[];
  readonly omitted: readonly Omitted[];
}

export type AuditRecord = AuditHead & AuditBody;

/** Something that was asked for and changed nothing. */
export interface Attempt extends Pick<
  AuditHead,
  'at' | 'actor' | 'action' | 'subject' | 'code' | 'malformed'
> {
  readonly outcome: Exclude<AuditOutcome, 'DONE'>;
  readonly body: AuditBody;
}

/** What a commit's entry has beside who did it. */
export interface AuditDetail {
  readonly system: boolean;
  readonly body: AuditBody;
}

export const emptyBody: AuditBody = {
  reason: '',
  input: null,
  before: {},
  after: {},
  errors: [],
  omitted: [],
};

/** Which entries are wanted; a filter that is absent lets all through. */
export interface AuditQuery {
  /** 1 or more. */
  readonly limit: number;
  /** Only those before this number. */
  readonly before?: number | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  /** The whole subject, or what stands behind its kind. */
  readonly subject?: string | undefined;
  /** Epoch milliseconds, both inclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly outcomes?: readonly AuditOutcome[] | undefined;
  /** The system's own steps too. */
  readonly system?: boolean | undefined;
}

export interface AuditPage {
  /** Newest first, at most `limit`. */
  readonly records: readonly AuditRecord[];
  /** Of all that match, wherever the page begins. */
  readonly total: number;
  /** There are older ones that match. */
  readonly more: boolean;
}
