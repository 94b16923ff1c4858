import { formatSubject } from '@isthmus/api/domain/names.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { replicaBehind, unheardSince } from '../observation/replica.ts';
import type { Now } from '../state/now.ts';

/** What is left of the one in use when a renewal stops to wait for clusters that are away. */
const lastDays = 7 * day;

/**
 * Milliseconds after which a cluster that the hub does not hear counts as away: just after a restart the hub hears none. The
 * hub does not hear a cluster whose agent is connected and has no leader, either: it acknowledges nothing.
 */
const grace = 30_000;

/**
 * Whether an intermediate may begin to sign: every cluster whose acknowledgement is required has acknowledged it. A cluster's first one
 * waits for the clusters that are not away, as one that is away receives the table before anything else when it
 * returns; a renewal waits for every member, as half of the old one's life is left for that, but not to its very end:
 * one dead member must not end the certificates of all others. One whose agent has nothing else to sign with waits as
 * a first one does.
 */
export const readyToActivate = (intermediate: IntermediateRecord, now: Now, at: number): boolean =>
  mayActivate(intermediate, new Set(unacknowledgedBy(intermediate, now).map(({ name }) => name)), now, at);

/** The same by the members that have yet to acknowledge it, where these are known. */
export function mayActivate(
  intermediate: IntermediateRecord,
  waiting: ReadonlySet<ClusterName>,
  now: Now,
  at: number,
): boolean {
  const { cluster, activated, revoked, urgent } = intermediate;
  if (activated || revoked || waiting.has(cluster)) return false;
  if (now.intent.clusters.get(cluster)?.value.admission !== 'ADMITTED') return false;
  for (const name of waiting) {
    const other = now.intent.clusters.get(name)?.value;
    if (other && !isAway(other, now, at)) return false;
  }
  if (waiting.size === 0) return true;
  const inUse = validUntil(cluster, now);
  return urgent === true || inUse === undefined || inUse - at <= lastDays;
}

/** An intermediate that does not sign yet: of which cluster it is, and the members that have yet to acknowledge it. */
export interface Waiting {
  readonly cluster: ClusterName;
  readonly members: ReadonlySet<ClusterName>;
}

/**
 * When one of those that wait may become ready by time alone, epoch milliseconds after `at`: a cluster that has gone
 * counts as away then, or a renewal stops waiting for those that are. Undefined: none ever does.
 */
export function activationDue(all: Iterable<Waiting>, now: Now, at: number): number | undefined {
  const waiting = [...all];
  if (waiting.length === 0) return undefined;
  const owners = new Set(waiting.map(({ cluster }) => cluster));
  const ends = [...lastEnds(now)].flatMap(([owner, end]) => (owners.has(owner) ? [end - lastDays] : []));
  const next = Math.min(firstAway(waiting, now, at) ?? Infinity, ...ends.filter((due) => due > at));
  return next < Infinity ? next : undefined;
}

/** When the next member counts as away for which something waits. The first in time is mostly one. */
function firstAway(waiting: readonly Waiting[], now: Now, at: number): number | undefined {
  const leaving = members(now)
    .map((cluster) => ({ name: cluster.name, due: awaySince(cluster, now) + grace }))
    .filter(({ due }) => due > at && due < Infinity)
    .sort((a, b) => a.due - b.due);
  return leaving.find(({ name }) => waiting.some((one) => one.members.has(name)))?.due;
}

/** Members whose connected proxies do not all hold it yet. */
export function unacknowledgedBy({ keyId }: IntermediateRecord, snapshot: Now): readonly Cluster[] {
  return members(snapshot).filter(({ name }) => !hasAcknowledged(name, keyId, snapshot));
}

/** All connected proxies of a cluster hold it, and each replica of its agent, for the proxies that come next. */
export function hasAcknowledged(cluster: ClusterName, keyId: string, { observed }: Now): boolean {
  const record = observed.get(cluster);
  const said = record?.applied.get(formatSubject('intermediate', keyId));
  if (!record || said?.state !== 'APPLIED') return false;
  return !replicaBehind(record, 'intermediate', keyId, said.version);
}

/** When the last of a cluster's intermediates that sign ends; undefined when none does. */
export function validUntil(cluster: string, { intent }: Now): number | undefined {
  const ends = [...intent.intermediates.values()]
    .filter(({ value }) => value.cluster === cluster && value.activated && !value.revoked)
    .map(({ value }) => value.notAfter);
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

/** The same for all clusters that have one, in one pass. */
function lastEnds({ intent }: Now): ReadonlyMap<ClusterName, number> {
  const ends = new Map<ClusterName, number>();
  for (const { value } of intent.intermediates.values())
    if (value.activated && !value.revoked)
      ends.set(value.cluster, Math.max(value.notAfter, ends.get(value.cluster) ?? 0));
  return ends;
}

const members = ({ intent }: Now): readonly Cluster[] =>
  [...intent.clusters.values()].map(({ value }) => value).filter(({ admission }) => admission === 'ADMITTED');

const isAway = (cluster: Cluster, snapshot: Now, now: number): boolean =>
  awaySince(cluster, snapshot) + grace <= now;

/** Epoch milliseconds; Infinity: it is there, and acknowledges what it takes. */
function awaySince({ name, joinedAt }: Cluster, { observed }: Now): number {
  const record = observed.get(name);
  return record ? (unheardSince(record) ?? Infinity) : (joinedAt ?? 0);
}
