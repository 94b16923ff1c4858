import type { SubjectType } from '@isthmus/api/domain/names.ts';
import type { ReplicaClaim } from '@isthmus/api/domain/replica.ts';
import type { ClusterRecord } from './cluster-record.ts';

/** What a replica has acknowledged of what the hub sends. It reads the replica's session, which moves on. */
export interface HeldByReplica {
  /** It holds this version under the name; undefined: it holds nothing. False while it has not said what it holds. */
  holds(type: SubjectType, name: string, version: string | undefined): boolean;
  /** Names that it has yet to acknowledge as they are now; undefined while it has not said what it holds. */
  outstanding(type: SubjectType): Iterable<string> | undefined;
}

/** A replica of a cluster's agent that has a link to the hub. */
export interface Replica extends Pick<ReplicaClaim, 'id' | 'agentVersion'> {
  /** Its reports, health and answers count: at most one of a cluster. */
  readonly leads: boolean;
  /** When its link began, epoch milliseconds. */
  readonly since: number;
  /** It has acknowledged once all that there was for it. */
  readonly isWhole: boolean;
  readonly held: HeldByReplica;
}

/**
 * A replica that does not lead and does not hold a version that the leader reports as acknowledged. The leader speaks for
 * the proxies that it knows of: another one may come to the other replica at any time, so that has to hold it, too.
 */
export const replicaBehind = (
  { replicas }: Pick<ClusterRecord, 'replicas'>,
  type: SubjectType,
  name: string,
  version: string,
): Replica | undefined => replicas.find(({ leads, held }) => !leads && !held.holds(type, name, version));

/**
 * Reports and health of the cluster come in: the agent is connected, and one of its replicas leads. Without a leader the hub
 * gets no news of the cluster. That is so while the cluster's API server does not answer, as no replica renews the Lease then.
 */
export const isHeard = ({ link, replicas }: Pick<ClusterRecord, 'link' | 'replicas'>): boolean =>
  link.kind === 'CONNECTED' && (replicas.length === 0 || replicas.some(({ leads }) => leads));

/**
 * Since when nothing comes in of a cluster, epoch milliseconds; undefined: it is heard. Without a leader that is the last
 * report, or the oldest link, where the hub has had no report since it started.
 */
export function unheardSince(record: Pick<ClusterRecord, 'link' | 'replicas' | 'asOf'>): number | undefined {
  if (isHeard(record)) return undefined;
  const { link, replicas, asOf } = record;
  if (link.kind !== 'CONNECTED') return link.since;
  return Math.max(asOf, Math.min(...replicas.map(({ since }) => since)));
}

/** What people read of a replica that is waited for. */
export const isBehind = ({ id }: Replica): string => `replica ${id} of its agent has yet to take it`;
