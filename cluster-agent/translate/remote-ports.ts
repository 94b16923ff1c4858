import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import { byExportAge, mergedExport } from './merged-export.ts';

/**
 * TCP ports of a service that only other clusters have: of all its exports, as its ServiceImport has them. A port that not each
 * of them has is without a target, so that proxies take only endpoints whose own mapping has it.
 */
export function remotePorts(remotes: readonly RemoteService[]): Service['ports'] {
  const exporters = [...remotes].sort(byExportAge);
  return mergedExport(exporters)
    .ports.filter(({ protocol }) => protocol === 'TCP')
    .map(({ port }) => {
      const targets = exporters.map(({ ports }) => ports.find((one) => one.port === port)?.targetPort);
      return { servicePort: port, targetPort: targets.includes(undefined) ? 0 : (targets[0] ?? 0) };
    });
}
