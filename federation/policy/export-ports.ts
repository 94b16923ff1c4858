import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import { namesOf, type Exporters } from './exporters.ts';

/**
 * Clusters that export one service with different ports: a caller takes the ports that its own cluster shows, and a
 * connection to a port that another cluster lacks cannot go there.
 */
export function exportPortConditions(
  cluster: ClusterName,
  key: ServiceKey,
  exporters: Exporters,
): readonly Condition[] {
  if (!exporters.has(cluster) || exporters.agree) return [];
  const own = exporters.ports.get(cluster) ?? '';
  const others = [...exporters.ports].flatMap(([other, text]) =>
    text === own ? [] : [`${other} has ${text}`],
  );
  return [
    {
      type: 'PortsAgree',
      status: 'False',
      reason: 'EXPORTED_PORTS_DIFFER',
      severity: 'WARNING',
      object: '',
      message: `${cluster} exports ${key} with ${own}, and ${namesOf(others, '; ')}: connections to a port that a cluster lacks do not reach it there`,
      remedy: `give ${key} the same ports in every cluster that exports it`,
    },
  ];
}
