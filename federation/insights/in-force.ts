import { waitingFor } from '../failover/operation.ts';
import type { Now } from '../state/now.ts';
import { finding, type Finding } from './finding.ts';

/** An operation that clusters have not applied for so long waits for somebody who may not come, milliseconds. */
const patience = 60_000;

/** Drains and failovers that shift traffic, and operations that wait. */
export const inForce = (snapshot: Now, now: number): readonly Finding[] => [
  ...drains(snapshot),
  ...failovers(snapshot),
  ...operations(snapshot, now),
];

/** When time alone makes them others: an operation has waited for long. Infinity: never. */
export const forceUntil = ({ intent }: Now, now: number): number =>
  [...intent.operations.values()]
    .filter(({ value }) => value.state === 'RUNNING')
    .map(({ value }) => value.startedAt + patience)
    .reduce((next, at) => (at > now && at < next ? at : next), Infinity);

const drains = ({ intent }: Now): readonly Finding[] =>
  [...intent.clusters.values()]
    .filter(({ value }) => value.drainPercent > 0 && value.admission === 'ADMITTED')
    .map(({ id: cluster, value: { drainPercent, drainedBy } }) =>
      finding(
        'INFO',
        'DRAIN_IN_FORCE',
        { cluster, object: `Cluster ${cluster}` },
        `${drainPercent} % of new connections leave ${cluster}${by(drainedBy?.actor, drainedBy?.at, drainedBy?.reason)}`,
        `end it with isthmus undrain ${cluster}`,
      ),
    );

const failovers = ({ intent }: Now): readonly Finding[] =>
  [...intent.failovers.values()].map(({ id, value }) => {
    const { clusters, services, percent, owner, createdAt, reason, returning } = value;
    const what = `${percent} % of new connections to ${counted(services)} leave ${clusters.join(', ')}`;
    const [cluster = ''] = clusters.length === 1 ? clusters : [];
    return finding(
      'INFO',
      returning ? 'FAILOVER_RETURNING' : 'FAILOVER_IN_FORCE',
      { cluster, object: `Failover ${id}` },
      `${what}${by(owner, createdAt, reason)}${returning ? `; it is being undone, ${returning.left} % have yet to return` : ''}`,
      returning ? 'wait until it has returned' : `end it with isthmus failover undo ${id}`,
    );
  });

const counted = (services: readonly string[]): string =>
  services.length <= 3 ? services.join(', ') : `${services.length} services`;

function by(actor: string | undefined, at: number | undefined, reason = ''): string {
  if (actor === undefined || at === undefined) return '';
  return `, by ${actor} since ${new Date(at).toISOString()}${reason === '' ? '' : ` (${reason})`}`;
}

const operations = (snapshot: Now, now: number): readonly Finding[] =>
  [...snapshot.intent.operations.values()]
    .filter(({ value }) => value.state === 'RUNNING' && value.startedAt + patience <= now)
    .flatMap(({ id, value }) => {
      const waiting = waitingFor(value, snapshot);
      if (waiting.length === 0) return [];
      return [
        finding(
          'WARNING',
          'OPERATION_WAITS',
          { object: `Operation ${id}` },
          `${value.type} of ${new Date(value.startedAt).toISOString()} is not applied everywhere: ${waiting.join(', ')} has not acknowledged it`,
          `check the agents and proxies of ${waiting.join(', ')}, or revoke a cluster that does not come back`,
        ),
      ];
    });
