import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import type { ServicePort } from '@isthmus/api/domain/observation.ts';
import { compareText } from '@isthmus/api/kubernetes/precedence.ts';

/** What one cluster exports under a name. */
export interface Exporter {
  readonly cluster: string;
  readonly ports: readonly Pick<ServicePort, 'name' | 'port' | 'appProtocol'>[];
  /** Absent: nobody has said them, as that cluster's agent or the hub is of an older version. */
  readonly properties?: GlobalProperties;
}

export interface MergedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol: string;
}

/** One service of all clusters that export it. */
export interface MergedExport {
  readonly ports: readonly MergedPort[];
  /** Of the oldest export. Undefined: it has not said them. */
  readonly properties: GlobalProperties | undefined;
}

type Aged = Pick<Exporter, 'cluster' | 'properties'>;

/**
 * Which of two exports counts where they differ (KEP-1645, "Constraints and Conflict Resolution"): the older one, then the
 * first by the name of its cluster. One whose age nobody has said comes last.
 */
export const byExportAge = (a: Aged, b: Aged): number => {
  const [first, other] = [ageOf(a), ageOf(b)];
  return first === other ? compareText(a.cluster, b.cluster) : first - other;
};

const ageOf = ({ properties }: Aged): number => properties?.exportedAt ?? Number.MAX_SAFE_INTEGER;

/** `exporters`: at least one, by age. */
export const mergedExport = (exporters: readonly Exporter[]): MergedExport => ({
  ports: mergedPorts(exporters),
  properties: exporters[0]?.properties,
});

/** The ports of all: of two with one name, or with one protocol and number, that of the older export (KEP-1645, "Service Port"). */
function mergedPorts(exporters: readonly Exporter[]): readonly MergedPort[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const merged: MergedPort[] = [];
  for (const exporter of exporters)
    for (const port of portsOf(exporter)) {
      const number = `${port.port}/${port.protocol}`;
      if (names.has(port.name) || numbers.has(number)) continue;
      names.add(port.name);
      numbers.add(number);
      merged.push(port);
    }
  return merged;
}

/** Those that the mesh carries before the others. */
export const portsOf = ({ ports, properties }: Exporter): readonly MergedPort[] => [
  ...ports.map(({ name, port, appProtocol }) => ({ name, port, protocol: 'TCP' as const, appProtocol })),
  ...(properties?.otherPorts ?? []),
];
