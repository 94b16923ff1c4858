import type { Now } from './now.ts';

/**
 * What is waited for at clusters that have yet to acknowledge something: the cluster, and why it has not, as far as its
 * agent says. `subjects` are the names under which agents report it.
 */
export const waitsAt = (
  { observed }: Now,
  clusters: readonly string[],
  subjects: readonly string[],
): readonly string[] =>
  clusters.map((cluster) => {
    const record = observed.get(cluster);
    if (record?.link.kind !== 'CONNECTED') return `${cluster} (its agent is not connected)`;
    const reports = subjects.map((subject) => record.applied.get(subject));
    const open = reports.find((one) => one?.state !== 'APPLIED');
    return open === undefined || open.message === '' ? cluster : `${cluster} (${open.message})`;
  });
