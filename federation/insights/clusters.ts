import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterName } from '@isthmus/api/domain/names.ts';
import { conditionsOf } from '../conditions/conditions.ts';
import { tokensOf } from '../state/join-tokens.ts';
import { isHeard } from '../observation/replica.ts';
import type { Now } from '../state/now.ts';
import { finding, findingOf, type Finding } from './finding.ts';

/** What is wrong with a cluster: its own conditions while it is a member, or why it is not one yet. */
export function ofCluster(snapshot: Now, cluster: ClusterName, now: number): readonly Finding[] {
  switch (snapshot.intent.clusters.get(cluster)?.value.admission) {
    case 'PENDING':
      return [notJoined(snapshot, cluster, now)];
    case 'ADMITTED':
      return [...unheard(snapshot, cluster), ...conditionsOf(snapshot, cluster)].map((condition) =>
        findingOf(condition, cluster, `Cluster ${cluster}`),
      );
    default:
      return [];
  }
}

/** When time alone makes them others: one that has not joined loses its last token. Infinity: never. */
export const clusterUntil = (snapshot: Now, cluster: ClusterName, now: number): number =>
  snapshot.intent.clusters.get(cluster)?.value.admission === 'PENDING'
    ? Math.min(...expiries(snapshot, cluster).filter((at) => at > now))
    : Infinity;

const expiries = (snapshot: Now, cluster: ClusterName): readonly number[] =>
  tokensOf(snapshot, cluster)
    .filter(({ value }) => value.usedAt === undefined)
    .map(({ value }) => value.expiresAt);

function notJoined(snapshot: Now, cluster: string, now: number): Finding {
  const until = expiries(snapshot, cluster).filter((at) => at > now);
  const valid = until.length > 0;
  return finding(
    valid ? 'INFO' : 'WARNING',
    'NOT_JOINED',
    { cluster, object: `Cluster ${cluster}` },
    valid
      ? `${cluster} has not joined yet; its join token is valid until ${new Date(Math.max(...until)).toISOString()}`
      : `${cluster} has never joined, and none of its join tokens is valid`,
    valid
      ? `start the agent of ${cluster} with its join token`
      : `make a new token with isthmus token ${cluster}, or forget the cluster with isthmus remove ${cluster}`,
  );
}

/** An agent that is away: everything that works goes on working, but nothing new gets there. */
function unheard({ observed, outside }: Now, cluster: string): readonly Condition[] {
  const record = observed.get(cluster);
  if (record?.link.kind === 'CONNECTED') return isHeard(record) ? [] : [noLeader(cluster, record.asOf)];
  const since = record?.link.since ?? 0;
  const away =
    since === 0 ? 'has not connected' : `has not been connected since ${new Date(since).toISOString()}`;
  return [
    {
      type: 'Connected',
      status: 'False',
      reason: 'AGENT_UNREACHABLE',
      severity: 'ERROR',
      object: '',
      message: `the agent of ${cluster} ${away}: changes do not reach the cluster, and its reports are old`,
      remedy: `start the agent, and check that it reaches ${outside.ok ? outside.value.link.join(' or ') : 'the hub'}; revoke the cluster if it does not come back`,
    },
  ];
}

/** `asOf`: epoch milliseconds of the last report. */
const noLeader = (cluster: string, asOf: number): Condition => ({
  type: 'Connected',
  status: 'False',
  reason: 'AGENT_WITHOUT_LEADER',
  severity: 'WARNING',
  object: '',
  message: `none of the replicas of the agent of ${cluster} leads, so its reports and its health are ${asOf === 0 ? 'not known' : `those of ${new Date(asOf).toISOString()}`}`,
  remedy: `wait 15 s for another replica to take over; if none does, check that the API server of ${cluster} answers and that the role of the agent may get and update the Lease isthmus-agent`,
});
