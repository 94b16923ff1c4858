import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { Subject } from '@isthmus/api/domain/names.ts';
import type { X509Certificate } from 'node:crypto';
import type {
  JoinRequest,
  JoinResponse,
  SignIntermediateRequest,
  SignIntermediateResponse,
} from '@isthmus/api/domain/membership.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Catalog } from '../compile/catalog.ts';
import type { ChangeListener } from '../state/live.ts';
import type { ReportRow } from '../store/store.ts';
import type { Now } from '../state/now.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { Denied } from '../command/attempts.ts';
import type { Membership } from '../registry/agent.ts';

/** PEM key and chain of a listener. */
export interface ServerIdentity {
  readonly key: string;
  readonly chain: string;
}

/** What the link needs of the rest of the hub. */
export interface HubPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For refusals and failures of which agents and strangers decide how many there are. */
  readonly lines: LimitedLines;
  /** The link's own CA, which is not a root of any mesh. */
  readonly linkCa: X509Certificate;
  /** What each cluster may report. */
  readonly limits: ClusterLimits;
  snapshot(): Now;
  /** Calls after every change of intent or observation; gives what takes the listener away. */
  onChange(listener: ChangeListener): () => void;
  /** Replaces what is observed of a cluster; does nothing when the cluster is not known. */
  observe(cluster: string, step: (before: ClusterRecord) => ClusterRecord): void;
  /** Says that a replica of a cluster holds these subjects now: what its leader has acknowledged may count from now on. */
  acknowledged(cluster: string, subjects: readonly Subject[]): void;
  /** All that goes down. */
  readonly catalog: Catalog;
  /** Records in the audit log that a caller may not join or may not use the link. */
  denied(denied: Denied): void;
  /** Counts what was refused of what a cluster's agent has sent. */
  reportsRefused(cluster: string, count: number): void;
  /** Writes down what a cluster's agent has sent, coarsely, for the next start. */
  saveReports(cluster: string, rows: readonly ReportRow[]): void;
  /** Consumes a token and issues the agent's certificate. Throws CodedError naming what is wrong with the token. */
  join(request: JoinRequest): Promise<JoinResponse>;
  renewLink(agent: Membership, csr: string): Promise<{ linkChain: readonly string[]; linkCa: string }>;
  signIntermediate(cluster: string, request: SignIntermediateRequest): Promise<SignIntermediateResponse>;
}
