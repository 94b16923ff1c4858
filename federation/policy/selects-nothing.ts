import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { AskAgent, WorkloadsQuestion } from '@isthmus/api/domain/question.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import { warning, type Warning } from '../command/warning.ts';
import type { Now } from '../state/now.ts';

/** Agents are asked in groups of this size, and none once one has such workloads. */
const together = 16;

/** A write waits so long for the agents, milliseconds. */
const patience = 2000;

type Count = { readonly cluster: string; readonly total: number | undefined };

/**
 * Warns of a policy that selects no workload anywhere: a misspelt namespace or label. Agents are asked, as the hub
 * keeps no pods; a cluster that does not answer is named, and never a reason to refuse.
 */
export async function selectsNothing(
  { target: { clusters, namespace, labels } }: AccessPolicy,
  { intent }: Now,
  ask: AskAgent,
  clock: Clock,
): Promise<readonly Warning[]> {
  const members = [...intent.clusters.values()]
    .filter(
      ({ id, value }) => value.admission === 'ADMITTED' && (clusters.length === 0 || clusters.includes(id)),
    )
    .map(({ id }) => id);
  const question: WorkloadsQuestion = { kind: 'workloads', namespace, labels, first: 1, after: '' };
  const over = sleep(clock, patience).then(() => undefined);
  const count = async (cluster: string): Promise<Count> => {
    const answer = ask(cluster, question).then(
      ({ total }) => total,
      () => undefined,
    );
    return { cluster, total: await Promise.race([answer, over]) };
  };
  const counts: Count[] = [];
  for (let i = 0; i < members.length; i += together) {
    counts.push(...(await Promise.all(members.slice(i, i + together).map(count))));
    if (counts.some(({ total = 0 }) => total > 0)) return [];
  }
  const away = counts.filter(({ total }) => total === undefined).map(({ cluster }) => cluster);
  const selected = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const what = `namespace ${namespace}${selected.length > 0 ? ` with the labels ${selected.join(', ')}` : ''}`;
  const but = away.length > 0 ? `; ${away.join(', ')} could not be asked` : '';
  return [
    warning(
      'SELECTS_NOTHING',
      'policy.access.target',
      `no workload is in ${what}: the policy has no effect there until one is; check the spelling${but}`,
    ),
  ];
}
