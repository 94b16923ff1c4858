import type { Operation } from '@isthmus/api/domain/operation.ts';
import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import {
  formatTrafficShiftSubject,
  parseTrafficShiftId,
  parseTrafficShiftSubject,
  subjectOf,
} from '@isthmus/api/domain/traffic-shift-id.ts';
import { formatSubject, parseSubject, type Subject } from '@isthmus/api/domain/names.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command, DecideContext } from '../command/command.ts';
import { refuse } from '../command/refuse.ts';
import { versionOf } from '../compile/version-of.ts';
import { drainOf, failoverFrom } from '../compile/traffic-shifts.ts';
import { waitsAt } from '../state/waits.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import { replicaBehind, type Replica } from '../observation/replica.ts';
import type { Now } from '../state/now.ts';
import type { Write } from '../store/store.ts';
import { auditSubject } from '../command/audit-subject.ts';

/**
 * Work that all member clusters but `except` must apply, and the writes that record it: an earlier one about the same
 * that has not ended will not end as it was meant.
 */
export function startOperation(
  { intent }: Now,
  { newId, now }: DecideContext,
  type: Operation['type'],
  subject: string,
  except: readonly string[] = [],
): { readonly operation: Operation; readonly writes: readonly Write[] } {
  const members = [...intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .map(({ id }) => id);
  const operation: Operation = {
    kind: 'operation',
    id: newId(),
    type,
    state: 'RUNNING',
    subject,
    clusters: members.filter((name) => !except.includes(name)),
    applied: [],
    startedAt: now,
    finishedAt: undefined,
    message: '',
  };
  const overtaken = [...intent.operations.values()]
    .filter(({ value }) => value.state === 'RUNNING' && value.subject === subject)
    .map(({ id, value, revision }): Write => ({
      put: { ...value, state: 'FAILED', finishedAt: now, message: `superseded by ${type} ${operation.id}` },
      id,
      expected: revision,
    }));
  return { operation, writes: [{ put: operation, id: operation.id, expected: 0 }, ...overtaken] };
}

/** An operation with what has been applied since, by what the clusters' proxies have acknowledged; itself when nothing. */
export function advanced(operation: Operation, snapshot: Now, now: number): Operation {
  if (operation.state !== 'RUNNING') return operation;
  if (isWithdrawn(operation, snapshot))
    return { ...operation, state: 'FAILED', finishedAt: now, message: withdrawn };
  const before = new Set(operation.applied.map(({ cluster }) => cluster));
  const since = operation.clusters.filter(
    (cluster) => !before.has(cluster) && hasApplied(operation, snapshot.observed.get(cluster), snapshot),
  );
  const applied = [...operation.applied, ...since.map((cluster) => ({ cluster, at: now }))];
  const next = { ...operation, applied };
  if (waitingFor(next, snapshot).length === 0) return { ...next, state: 'DONE', finishedAt: now };
  return since.length > 0 ? next : operation;
}

const withdrawn = 'the cluster to be left was revoked or removed: nothing is left to apply';

/** A drain ends without an undo when its cluster is revoked or removed. No cluster can prove then that it applied it. */
const isWithdrawn = ({ type, subject }: Operation, snapshot: Now): boolean =>
  (type === 'DRAIN_CLUSTER' || type === 'EXECUTE_FAILOVER') && standing(snapshot, subject).length === 0;

/** Members that have yet to apply it. */
export function waitingFor({ clusters, applied }: Operation, { intent }: Now): readonly string[] {
  const done = new Set(applied.map(({ cluster }) => cluster));
  return clusters.filter(
    (name) => !done.has(name) && intent.clusters.get(name)?.value.admission === 'ADMITTED',
  );
}

/** What a running operation waits for, for people: each cluster, and which of its proxies. */
export const waits = (operation: Operation, snapshot: Now): readonly string[] =>
  waitsAt(snapshot, waitingFor(operation, snapshot), subjectsOf(operation, snapshot));

/** The names under which agents report what an operation is about. */
function subjectsOf({ type, subject }: Operation, snapshot: Now): readonly string[] {
  if (type === 'REVOKE_CLUSTER')
    return revokedOf(snapshot, subject).map(({ keyId }) => formatSubject('intermediate', keyId));
  return standing(snapshot, subject).map(({ id }) => formatSubject('diversion', id));
}

/** Writes down how far these operations are. */
export const advanceOperations: Command<{ ids: readonly string[] }, { advanced: readonly string[] }> = {
  name: 'advanceOperations',
  decide(snapshot, input, { now }) {
    const stored = input.ids.flatMap((id) => snapshot.intent.operations.get(id) ?? []);
    const writes = stored.flatMap(({ id, value, revision }): Write[] => {
      const next = advanced(value, snapshot, now);
      return next === value ? [] : [{ put: next, id, expected: revision }];
    });
    const ids = writes.map(({ id }) => id);
    if (ids.length === 0) return refuse('CONFLICT', '', 'no operation has advanced');
    return ok({
      subject: auditSubject('operations', ids.length),
      writes,
      payload: { advanced: ids },
      warnings: [],
    });
  },
};

/** Whether a cluster says that all its proxies hold what an operation is about. */
export function hasApplied(
  { type, subject }: Operation,
  record: ClusterRecord | undefined,
  snapshot: Now,
): boolean {
  if (!record) return false;
  const holds = (type: 'diversion' | 'intermediate', name: string) => {
    const said = record.applied.get(formatSubject(type, name));
    if (said?.state !== 'APPLIED' || said.version !== versionOf(snapshot, type, name)) return false;
    return !replicaBehind(record, type, name, said.version);
  };
  const stands = standing(snapshot, subject);
  switch (type) {
    case 'EXECUTE_FAILOVER':
    case 'DRAIN_CLUSTER':
      return stands.every((one) => holds('diversion', one.id));
    case 'UNDO_FAILOVER':
    case 'UNDRAIN_CLUSTER':
      // An agent acknowledges nothing of what it no longer has. That is known only once it has listed all that it has.
      return (
        record.listed &&
        stands.length === 0 &&
        ![...record.applied.keys()].some((what) => subjectOfApplied(what) === subject) &&
        record.replicas.every((replica) => replica.leads || !holdsMore(replica, subject))
      );
    case 'REVOKE_CLUSTER':
      return revokedOf(snapshot, subject).every((one) => holds('intermediate', one.keyId));
  }
}

/** Whether a replica has yet to take away traffic shifts of a subject that has none any more, or may have to. */
function holdsMore({ held }: Replica, subject: string): boolean {
  const outstanding = held.outstanding('diversion');
  if (outstanding === undefined) return true;
  for (const id of outstanding) if (subjectOfApplied(formatSubject('diversion', id)) === subject) return true;
  return false;
}

/** The trafficShifts of an operation's subject that stand. */
function standing({ intent }: Now, subject: string): readonly TrafficShift[] {
  const parsed = parseTrafficShiftSubject(subject);
  if (!parsed) return [];
  if ('drain' in parsed) return [drainOf(intent.clusters.get(parsed.drain)?.value) ?? []].flat();
  const failover = intent.failovers.get(parsed.failover)?.value;
  return (failover?.clusters ?? []).flatMap((cluster) => failoverFrom(failover, cluster) ?? []);
}

/** The subject of the operations that an acknowledged traffic shift belongs to; '' for what is none. */
export function subjectOfApplied(applied: Subject): string {
  const subject = parseSubject(applied);
  const id = subject?.type === 'diversion' ? parseTrafficShiftId(subject.name) : undefined;
  return id ? formatTrafficShiftSubject(subjectOf(id)) : '';
}

const revokedOf = ({ intent }: Now, cluster: string): readonly IntermediateRecord[] =>
  [...intent.intermediates.values()]
    .map(({ value }) => value)
    .filter((one) => one.cluster === cluster && one.revoked);
