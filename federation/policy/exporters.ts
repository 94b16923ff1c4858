import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { ObservedService } from '../observation/cluster-record.ts';
import type { Now } from '../state/now.ts';

/** More clusters than these are counted and not named. */
const maxNamed = 10;

/** `a, b and c`-like lists of clusters, shortened where they are long. */
export const namesOf = (clusters: readonly string[], separator = ', '): string =>
  clusters.length <= maxNamed
    ? clusters.join(separator)
    : `${clusters.slice(0, maxNamed).join(separator)} and ${clusters.length - maxNamed} more`;

/** The members that export one service, in the order of their names. Made once for all that is said of the service. */
export class Exporters {
  readonly clusters: readonly ClusterName[];
  readonly #set: ReadonlySet<ClusterName>;
  readonly #holders: ReadonlyMap<ClusterName, Pick<ObservedService, 'ports'>>;
  #ports: ReadonlyMap<ClusterName, string> | undefined;
  #agree: boolean | undefined;

  constructor(exporters: ReadonlySet<ClusterName>, holders: Exporters['holders']) {
    this.#set = exporters;
    this.clusters = [...exporters].sort();
    this.#holders = holders;
  }

  static of({ index }: Pick<Now, 'index'>, key: ServiceKey): Exporters {
    return new Exporters(index.exports.exporters(key), index.exports.holders(key));
  }

  get holders(): ReadonlyMap<ClusterName, Pick<ObservedService, 'ports'>> {
    return this.#holders;
  }

  has(cluster: ClusterName): boolean {
    return this.#set.has(cluster);
  }

  /** All but this one. */
  others(cluster: ClusterName): readonly ClusterName[] {
    return this.clusters.filter((one) => one !== cluster);
  }

  /** The ports of each, for people. */
  get ports(): ReadonlyMap<ClusterName, string> {
    return (this.#ports ??= new Map(
      this.clusters.map((one) => [one, textOf(this.#holders.get(one)?.ports ?? [])]),
    ));
  }

  /** All export the same ports. */
  get agree(): boolean {
    return (this.#agree ??= new Set(this.ports.values()).size <= 1);
  }
}

const textOf = (ports: ObservedService['ports']): string =>
  ports.length === 0
    ? 'no ports'
    : `ports ${[...ports]
        .sort((a, b) => a.port - b.port)
        .map((one) => (one.name === '' ? String(one.port) : `${one.name}:${one.port}`))
        .join(', ')}`;
