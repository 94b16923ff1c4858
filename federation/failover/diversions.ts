import type { Diversion } from '@isthmus/api/domain/directive.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/** Drains and executed failovers as one thing: shares of new connections that leave a cluster. */
export function diversionsOf({
  intent,
  observed,
}: Pick<FederationSnapshot, 'intent' | 'observed'>): readonly Diversion[] {
  const drains = [...intent.clusters.values()]
    .filter(({ value }) => value.drainPercent > 0 && value.admission === 'ADMITTED')
    .map(({ value }): Diversion => ({
      ...{ id: `drain:${value.name}`, cluster: value.name, percent: value.drainPercent },
      ...{ services: [], remoteOnly: value.drainScope === 'REMOTE' },
    }));
  const failovers = [...intent.failovers.values()].flatMap(({ value }) =>
    clustersOf(value.from, observed).map((cluster): Diversion => ({
      ...{ id: `failover:${value.id}:${cluster}`, cluster, percent: value.percent },
      ...{ services: value.services, remoteOnly: value.scope === 'REMOTE' },
    })),
  );
  return [...drains, ...failovers];
}

function clustersOf(
  from: { cluster: string } | { region: string },
  observed: FederationSnapshot['observed'],
): readonly string[] {
  if ('cluster' in from) return [from.cluster];
  return [...observed.values()]
    .filter(({ nodes }) => nodes.some(({ region }) => region === from.region))
    .map(({ cluster }) => cluster);
}
