import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { AskAgent, WorkloadsAnswer, WorkloadsQuestion } from '@isthmus/api/domain/question.ts';
import { warning, type Warning } from '../command/warning.ts';
import type { Now } from '../state/now.ts';

/** Most workloads of one cluster that are looked at. */
const max = 1000;

/**
 * The workloads that an ALLOW would turn to deny by default, as no other ALLOW applies to them: one warning for each
 * cluster that has some. Asked of the agents, who know their own cluster's policies too; a cluster that does not
 * answer is named.
 */
export async function firstAllow(
  { effect, target: { clusters, namespace, labels } }: AccessPolicy,
  { intent }: Now,
  ask: AskAgent,
): Promise<readonly Warning[]> {
  if (effect !== 'ALLOW') return [];
  const members = [...intent.clusters.values()]
    .filter(
      ({ id, value }) => value.admission === 'ADMITTED' && (clusters.length === 0 || clusters.includes(id)),
    )
    .map(({ id }) => id);
  const question: WorkloadsQuestion = { kind: 'workloads', namespace, labels, first: max, after: '' };
  const warnings = await Promise.all(
    members.map((cluster) =>
      ask(cluster, question).then(
        (answer) => firstIn(cluster, answer),
        (error: unknown) => [
          warning(
            'NOT_ASKED',
            'policy.access.target',
            `could not find out which workloads of ${cluster} would deny by default: ${error instanceof Error ? error.message : String(error)}`,
          ),
        ],
      ),
    ),
  );
  return warnings.flat();
}

function firstIn(cluster: string, { workloads, total }: WorkloadsAnswer): readonly Warning[] {
  const names = workloads.filter(({ deniesByDefault }) => !deniesByDefault).map(({ name }) => name);
  const unseen = total - workloads.length;
  if (names.length === 0 && unseen === 0) return [];
  const more = unseen > 0 ? `; ${unseen} more were not looked at` : '';
  const message = `${names.join(', ')} in ${cluster} has no ALLOW policy yet: every caller not listed here will be denied${more}`;
  return [warning('FIRST_ALLOW', 'policy.access.target', message)];
}
