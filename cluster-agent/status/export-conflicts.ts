import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { list } from '../health/conditions.ts';
import { portsOf, type Exporter, type MergedPort } from '../translate/merged-export.ts';

/** A property that clusters export in different forms. */
export interface ExportConflict {
  /** As KEP-1645 names it. */
  readonly reason: Property['reason'];
  /** Which property it is, and what each cluster has. */
  readonly message: string;
}

/** Something that all exports of a service have to have alike, as text. */
interface Property {
  readonly reason:
    | 'PortConflict'
    | 'TypeConflict'
    | 'SessionAffinityConflict'
    | 'SessionAffinityConfigConflict'
    | 'InternalTrafficPolicyConflict'
    | 'TrafficDistributionConflict';
  readonly name: string;
  /** Undefined: the cluster has not said it, or it has no meaning there. */
  readonly of: (exporter: Exporter, all: readonly Exporter[]) => string | undefined;
}

const properties: readonly Property[] = [
  { reason: 'PortConflict', name: 'ports', of: portsText },
  {
    reason: 'TypeConflict',
    name: 'type',
    of: ofProperties(({ headless }) => (headless ? 'Headless' : 'ClusterSetIP')),
  },
  {
    reason: 'SessionAffinityConflict',
    name: 'sessionAffinity',
    of: ofProperties(({ affinitySeconds }) => (affinitySeconds === 0 ? 'None' : 'ClientIP')),
  },
  {
    reason: 'SessionAffinityConfigConflict',
    name: 'sessionAffinityConfig',
    of: ofProperties(({ affinitySeconds }) => (affinitySeconds === 0 ? undefined : `${affinitySeconds} s`)),
  },
  {
    reason: 'InternalTrafficPolicyConflict',
    name: 'internalTrafficPolicy',
    of: ofProperties(({ internalTrafficPolicy }) => internalTrafficPolicy),
  },
  {
    reason: 'TrafficDistributionConflict',
    name: 'trafficDistribution',
    of: ofProperties(({ trafficDistribution }) => trafficDistribution || 'none'),
  },
];

function ofProperties(textOf: (properties: GlobalProperties) => string | undefined): Property['of'] {
  return (exporter) => exporter.properties && textOf(exporter.properties);
}

/** In what the exports of a service differ. `exporters`: by age. Pure. */
export const exportConflicts = (exporters: readonly Exporter[]): readonly ExportConflict[] =>
  properties.flatMap(({ reason, name, of }) => {
    const texts = exporters.flatMap((exporter) => {
      const text = of(exporter, exporters);
      return text === undefined ? [] : [{ cluster: exporter.cluster, text }];
    });
    if (new Set(texts.map(({ text }) => text)).size <= 1) return [];
    const shown = list(texts.map(({ cluster, text }) => `${cluster} has ${text}`));
    return [{ reason, message: `${name}: ${shown}` }];
  });

/** Ports that the mesh does not carry count only where each cluster has said them. */
function portsText(exporter: Exporter, all: readonly Exporter[]): string {
  const isWhole = all.every(({ properties }) => properties !== undefined);
  const ports = portsOf(exporter).filter(({ protocol }) => isWhole || protocol === 'TCP');
  return ports.length === 0 ? 'none' : ports.map(portText).sort().join(', ');
}

const portText = ({ name, port, protocol, appProtocol }: MergedPort): string =>
  `${name === '' ? '' : `${name} `}${port}${protocol === 'TCP' ? '' : `/${protocol}`}${appProtocol === '' ? '' : ` (${appProtocol})`}`;
