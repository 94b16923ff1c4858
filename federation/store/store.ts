import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { ExportApproval } from '@isthmus/api/domain/export-approval.ts';
import type { ServiceExport } from '@isthmus/api/domain/service-export.ts';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import type {
  AdminTokenRecord,
  IntermediateRecord,
  LinkCaRecord,
  TrustDomainRecord,
} from '@isthmus/api/domain/trust.ts';
import type { Attempt, AuditDetail, AuditPage, AuditQuery } from './audit.ts';

/** Moves by one with every commit, only when a person or an automation changed something. */
export type Revision = number;

/**
 * The fencing epoch: greater than that of every writer before. It is in each commit, where a lower one is refused, and in
 * all that goes down the link, where agents refuse one lower than they have seen.
 */
export type Epoch = number;

/**
 * The right to write, which one hub has at a time. All replicas of a hub send the writer's epoch down their links, so it
 * belongs to the leadership and not to a process.
 */
export interface Leadership {
  readonly epoch: Epoch;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<LeadershipEnd>;
}

/** `fenced` is for good. A lease that was lost, and may come back with another epoch, will be a kind beside it. */
export interface LeadershipEnd {
  readonly kind: 'fenced';
  /** The epoch that another hub has taken. */
  readonly by: Epoch;
}

/** Everything the hub stores as intent. `id` within a kind: name, `namespace/name`, key id or uuid. */
export type Intent =
  | Cluster
  | JoinToken
  | AccessPolicy
  | TrafficPolicy
  | ServiceExport
  | ExportApproval
  | Failover
  | Operation
  | TrustDomainRecord
  | IntermediateRecord
  | LinkCaRecord
  | AdminTokenRecord;

export type IntentKind = Intent['kind'];

/** What is stored of a kind. */
export type IntentOf<K extends IntentKind> = Extract<Intent, { readonly kind: K }>;

/** One stored object: its value and the revision that last wrote it, which is what `expectedRevision` compares. */
export interface Stored<T extends Intent = Intent> {
  readonly id: string;
  readonly revision: Revision;
  readonly value: T;
}

/** `expected`: the object's revision, 0 when it must not exist, undefined when it does not matter. */
export type Write =
  | { readonly put: Intent; readonly id: string; readonly expected: Revision | undefined }
  | { readonly remove: IntentKind; readonly id: string; readonly expected: Revision | undefined };

/** Who did what and why; written with the commit that it describes. */
export interface AuditEntry {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string;
  /** JSON of the payload, for a repeat of the same idempotency key; no secret is ever in it. */
  readonly outcome: string;
  readonly idempotencyKey: string;
}

/** An audit entry and the revision that its commit made. */
export type Recorded = AuditEntry & { readonly revision: Revision };

export interface Commit {
  readonly writes: readonly Write[];
  readonly audit: AuditEntry;
  /** What its entry in the audit log has beside that; absent: nothing. */
  readonly detail?: AuditDetail | undefined;
  /** The fencing epoch of the writer: a commit with a lower one than the store has seen is refused. */
  readonly fence: Epoch;
}

export type CommitResult =
  | { readonly kind: 'committed'; readonly revision: Revision; readonly durable: boolean }
  | {
      readonly kind: 'conflict';
      readonly id: string;
      readonly expected: Revision;
      readonly actual: Revision;
      /** The store's revision that has it so. */
      readonly revision: Revision;
    }
  /** The actor's idempotency key was used before: by this commit. Nothing was written. */
  | { readonly kind: 'repeated'; readonly entry: Recorded }
  | { readonly kind: 'fenced'; readonly epoch: Epoch };

/** One commit as watchers see it. */
export interface Change {
  readonly revision: Revision;
  readonly writes: readonly Write[];
  readonly audit: AuditEntry;
}

/** One report of a cluster, as it came. */
export interface ReportRow {
  /** A type that agents report, or `health`: the endpoint counts of one service. */
  readonly type: string;
  readonly name: string;
  /** Undefined: it is reported no more. */
  readonly resource: { readonly version: string; readonly body: Uint8Array } | undefined;
}

/** Of one cluster. */
export interface ClusterReports {
  readonly cluster: string;
  readonly rows: readonly ReportRow[];
}

export interface StoredReport {
  readonly cluster: string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly asOf: number;
}

/** Everything at one revision. */
export interface Contents {
  readonly revision: Revision;
  readonly objects: readonly Stored[];
}

/**
 * The hub's intent and audit. Every implementation passes test/conformance/store.ts: commits are atomic, revisions
 * have no gaps, a watcher misses nothing, what was acknowledged as durable survives a crash.
 */
export interface Store {
  read(): Promise<Contents>;
  commit(commit: Commit): Promise<CommitResult>;
  /**
   * Commits after `after`, oldest first, then as they come. Throws HISTORY_TRUNCATED when `after` is too old, and
   * REVISION_UNKNOWN when it has not come yet: a caller that has seen it has read another store.
   */
  changes(after: Revision, signal: AbortSignal): AsyncIterable<Change>;
  /**
   * The audit log, newest first: each commit, in the transaction that made it, and what `record` was given. Bounded as
   * `AuditLimits` say. Has everything that was recorded before it was asked.
   */
  audit(query: AuditQuery): Promise<AuditPage>;
  /**
   * Records what was asked for and changed nothing, and gives the entry's number. It is written soon and waited for by
   * nobody; undefined when nothing can be written. After another hub has taken an epoch it is left for the log of that
   * one.
   */
  record(attempt: Attempt): number | undefined;
  /** What an entry is about came again: how often by now, and when last, epoch milliseconds. */
  recount(number: number, count: number, lastAt: number): void;
  /** The audit entry of a key that was used within retention. */
  byIdempotencyKey(actor: string, key: string): Promise<Recorded | undefined>;
  /**
   * Writes down what clusters report, row by row, for the next start: outside the revisions. It joins the transaction
   * that is under way and is waited for by nobody. One call for many clusters costs little more than one for one.
   * `asOf`: epoch milliseconds of the reports.
   */
  saveReports(all: readonly ClusterReports[], asOf: number): Promise<void>;
  /** Clusters of which something was written down and not forgotten. */
  reportedClusters(): Promise<readonly string[]>;
  /** What was written down of one of them, in no order: all clusters at once would be a message of gigabytes. */
  readReports(cluster: string): Promise<readonly StoredReport[]>;
  forgetReports(cluster: string): Promise<void>;
  /**
   * Takes a new epoch, greater than any before and than `above`: the last step of a hub's start, as it ends the leadership
   * before. Nothing can be committed until then.
   */
  lead(above?: Epoch): Promise<Leadership>;
  /** Why nothing can be written any more, in one sentence; undefined while all is well. */
  readonly problem: string | undefined;
  close(): Promise<void>;
}
