import type { Condition } from '@isthmus/api/domain/condition.ts';
import { conditionsOf } from '../state/conditions.ts';
import type { Now } from '../state/now.ts';
import { finding, findingOf, type Finding } from './finding.ts';

/** What is wrong with each cluster: its own conditions while it is a member, or why it is not one yet. */
export function ofClusters(snapshot: Now, now: number): readonly Finding[] {
  return [...snapshot.intent.clusters.values()].flatMap(({ id: cluster, value }) => {
    const object = `Cluster ${cluster}`;
    if (value.admission === 'PENDING') return [notJoined(snapshot, cluster, now)];
    if (value.admission === 'REVOKED') return [];
    return [...unreachable(snapshot, cluster), ...conditionsOf(snapshot, cluster)].map((condition) =>
      findingOf(condition, cluster, object),
    );
  });
}

function notJoined({ intent }: Now, cluster: string, now: number): Finding {
  const until = [...intent.joinTokens.values()]
    .filter(({ value }) => value.cluster === cluster && value.usedAt === undefined && value.expiresAt > now)
    .map(({ value }) => value.expiresAt);
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
function unreachable({ observed, settings }: Now, cluster: string): readonly Condition[] {
  const record = observed.get(cluster);
  if (record?.link.kind === 'CONNECTED') return [];
  const since = record?.link.since ?? 0;
  const away = since === 0 ? 'has not connected' : `is not connected since ${new Date(since).toISOString()}`;
  return [
    {
      type: 'Connected',
      status: 'False',
      reason: 'AGENT_UNREACHABLE',
      severity: 'ERROR',
      object: '',
      message: `the agent of ${cluster} ${away}: changes do not reach the cluster, and its reports are old`,
      remedy: `start the agent, and check that it reaches ${settings.linkEndpoints.join(' or ')}; revoke the cluster if it does not come back`,
    },
  ];
}
