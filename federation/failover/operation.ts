import type { Operation } from '@isthmus/api/domain/operation.ts';
import type { DecideContext } from '../command/command.ts';
import { diversionVersion } from '../compile/versions.ts';
import { diversionsOf } from './diversions.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/** Work that all member clusters but `except` must apply. */
export function startOperation(
  snapshot: FederationSnapshot,
  { newId, now }: DecideContext,
  type: Operation['type'],
  subject: string,
  except: readonly string[] = [],
): Operation {
  const members = [...snapshot.intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .map(({ id }) => id);
  return {
    ...{ kind: 'operation', id: newId(), type, state: 'RUNNING', subject },
    clusters: members.filter((name) => !except.includes(name)),
    appliedBy: [],
    startedAt: now,
    finishedAt: undefined,
    message: '',
  };
}

/** How far an operation is: by what the clusters' proxies have acknowledged, not by what was sent. */
export function progressOf(operation: Operation, snapshot: FederationSnapshot): Operation {
  if (operation.state !== 'RUNNING') return operation;
  const appliedBy = operation.clusters.filter((cluster) => hasApplied(operation, cluster, snapshot));
  const gone = operation.clusters.filter(
    (cluster) => snapshot.intent.clusters.get(cluster)?.value.admission !== 'ADMITTED',
  );
  const done = operation.clusters.every((cluster) => appliedBy.includes(cluster) || gone.includes(cluster));
  const waiting = operation.clusters.filter((cluster) => !appliedBy.includes(cluster));
  return {
    ...operation,
    ...{ appliedBy, state: done ? 'DONE' : 'RUNNING' },
    message: done ? '' : `waiting for ${waiting.join(', ')}`,
  };
}

function hasApplied({ type, subject }: Operation, cluster: string, snapshot: FederationSnapshot): boolean {
  const applied = snapshot.observed.get(cluster)?.applied;
  if (!applied) return false;
  switch (type) {
    case 'EXECUTE_FAILOVER':
    case 'DRAIN_CLUSTER':
      return diversionsOf(snapshot)
        .filter(({ id }) => id.startsWith(subject))
        .every((one) => {
          const said = applied.get(`diversion/${one.id}`);
          return said?.state === 'APPLIED' && said.version === diversionVersion(one);
        });
    case 'UNDO_FAILOVER':
    case 'UNDRAIN_CLUSTER':
      return ![...applied.values()].some((one) => one.subject.startsWith(`diversion/${subject}`));
    case 'REVOKE_CLUSTER':
      return revokedAt(applied, subject, snapshot);
  }
}

/** Peers that have acknowledged each intermediate of the cluster in its revoked form. */
function revokedAt(
  applied: ReadonlyMap<string, { state: string; message: string }>,
  cluster: string,
  { intent }: FederationSnapshot,
): boolean {
  return [...intent.intermediates.values()]
    .filter(({ value }) => value.cluster === cluster)
    .every(({ id }) => applied.get(`intermediate/${id}`)?.message === 'revoked');
}
