import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Now } from '../state/now.ts';
import { holdsForItself } from './exported.ts';
import { namesOf, type Exporters } from './exporters.ts';

/** The same name elsewhere is exported and here it is not: two services, and local stays local. */
export function exportConflict(
  snapshot: Now,
  cluster: ClusterName,
  key: ServiceKey,
  exporters: Exporters,
): readonly Condition[] {
  if (exporters.clusters.length === 0 || !holdsForItself(snapshot, cluster, key)) return [];
  const others = exporters.others(cluster);
  if (others.length === 0) return [];
  return [
    {
      type: 'Exported',
      status: 'False',
      reason: 'EXPORT_CONFLICT',
      severity: 'WARNING',
      object: '',
      message: `${namesOf(others)} exports a service of this name, and ${cluster} does not: callers in ${cluster} reach only the local service`,
      remedy: `export ${key} in ${cluster} too to make them one service, or rename one of them`,
    },
  ];
}
