import type { Diversion } from '@isthmus/api/domain/directive.ts';
import type { Now } from '../state/now.ts';

/** Drains and executed failovers as one thing: shares of new connections that leave a cluster. Intent alone says which. */
export function diversionsOf({ intent }: Pick<Now, 'intent'>): readonly Diversion[] {
  const drains = [...intent.clusters.values()]
    .filter(({ value }) => value.drainPercent > 0 && value.admission === 'ADMITTED')
    .map(({ value }): Diversion => ({
      id: `drain:${value.name}`,
      cluster: value.name,
      percent: value.drainPercent,
      services: [],
      remoteOnly: value.drainScope === 'REMOTE',
      deadline: value.drainDeadline,
    }));
  const failovers = [...intent.failovers.values()].flatMap(({ value }) =>
    value.clusters.map((cluster): Diversion => ({
      id: `failover:${value.id}:${cluster}`,
      cluster,
      services: value.services,
      percent: Math.round((value.percent * (value.returning?.left ?? 100)) / 100),
      remoteOnly: value.scope === 'REMOTE',
      deadline: undefined,
    })),
  );
  return [...drains, ...failovers];
}

/** Whether a diversion is of an operation's subject: `drain:<cluster>` or `failover:<id>`. */
export const isOf = (subject: string, id: string): boolean => id === subject || id.startsWith(`${subject}:`);
