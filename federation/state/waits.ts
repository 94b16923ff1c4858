import { parseSubject, type Subject } from '@isthmus/api/domain/names.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import { isBehind, isHeard, replicaBehind, type Replica } from '../observation/replica.ts';
import type { Now } from './now.ts';

/**
 * What is waited for at clusters that have yet to acknowledge something: the cluster, and why it has not, as far as its
 * agent says. `subjects` are the names under which agents report it.
 */
export const waitsAt = (
  { observed }: Now,
  clusters: readonly string[],
  subjects: readonly Subject[],
): readonly string[] =>
  clusters.map((cluster) => {
    const record = observed.get(cluster);
    if (record?.link.kind !== 'CONNECTED') return `${cluster} (its agent is not connected)`;
    if (!isHeard(record)) return `${cluster} (none of the replicas of its agent leads)`;
    const reports = subjects.map((subject) => record.applied.get(subject));
    const open = reports.find((one) => one?.state !== 'APPLIED');
    if (open !== undefined) return open.message === '' ? cluster : `${cluster} (${open.message})`;
    const behind = firstBehind(record, subjects);
    return behind ? `${cluster} (${isBehind(behind)})` : cluster;
  });

/** Of what its leader has applied, what a replica does not hold in that version. */
function firstBehind(record: ClusterRecord, subjects: readonly Subject[]): Replica | undefined {
  for (const subject of subjects) {
    const parsed = parseSubject(subject);
    const said = record.applied.get(subject);
    const behind = parsed && said && replicaBehind(record, parsed.type, parsed.name, said.version);
    if (behind) return behind;
  }
  return undefined;
}
