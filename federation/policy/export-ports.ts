import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';

/**
 * Clusters that export one service with different ports: a caller takes the ports that its own cluster shows, and a
 * connection to a port that another cluster lacks cannot go there.
 */
export function exportPortConditions(
  { observed }: Pick<Now, 'observed'>,
  cluster: string,
  { namespace, name, ports }: Pick<ObservedService, 'namespace' | 'name' | 'ports'>,
  exportedBy: readonly string[],
): readonly Condition[] {
  if (!exportedBy.includes(cluster)) return [];
  const own = textOf(ports);
  const others = exportedBy.flatMap((other) => {
    const text = textOf(observed.get(other)?.services.get(`${namespace}/${name}`)?.ports ?? ports);
    return text === own ? [] : [`${other} has ${text}`];
  });
  if (others.length === 0) return [];
  return [
    {
      type: 'PortsAgree',
      status: 'False',
      reason: 'EXPORTED_PORTS_DIFFER',
      severity: 'WARNING',
      object: '',
      message: `${cluster} exports ${namespace}/${name} with ${own}, and ${others.join('; ')}: connections to a port that a cluster lacks do not reach it there`,
      remedy: `give ${namespace}/${name} the same ports in every cluster that exports it`,
    },
  ];
}

const textOf = (ports: ObservedService['ports']): string =>
  ports.length === 0
    ? 'no ports'
    : `ports ${[...ports]
        .sort((a, b) => a.port - b.port)
        .map((one) => (one.name === '' ? String(one.port) : `${one.name}:${one.port}`))
        .join(', ')}`;
