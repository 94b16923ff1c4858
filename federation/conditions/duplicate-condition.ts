import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';

/** Two agents claim to be one replica of a cluster. */
export function duplicateConditions(record: ClusterRecord | undefined): readonly Condition[] {
  const replicas = record?.duplicates ?? [];
  if (replicas.length === 0) return [];
  return [
    {
      type: 'AgentUnique',
      status: 'False',
      reason: 'AGENT_DUPLICATE',
      severity: 'ERROR',
      object: '',
      message: `two agents connect as replica ${replicas.join(' and as replica ')} of the cluster and end each other's link: changes reach one of them at a time, and the reports of both alternate`,
      remedy:
        'stop one of the two agents; where only one runs, find what cuts its connections to the hub again and again',
    },
  ];
}
