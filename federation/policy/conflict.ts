import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';
import { holdsForItself } from './exported.ts';

/** The same name elsewhere is exported and here it is not: two services, and local stays local. */
export function exportConflict(
  snapshot: Now,
  cluster: string,
  { namespace, name }: Pick<ObservedService, 'namespace' | 'name'>,
  exportedBy: readonly string[],
): readonly Condition[] {
  const key = `${namespace}/${name}`;
  const others = exportedBy.filter((one) => one !== cluster);
  if (others.length === 0 || !holdsForItself(snapshot, cluster, key)) return [];
  return [
    {
      type: 'Exported',
      status: 'False',
      reason: 'EXPORT_CONFLICT',
      severity: 'WARNING',
      object: '',
      message: `${others.join(', ')} exports a service of this name, and ${cluster} does not: callers in ${cluster} reach only the local service`,
      remedy: `export ${key} in ${cluster} too to make them one service, or rename one of them`,
    },
  ];
}
