import { compile, exportsFrom, type Resources } from './compile.ts';
import { Reads } from '../state/reads.ts';
import type { Now } from '../state/now.ts';

interface Known {
  readonly reads: Reads;
  readonly resources: Resources;
}

/** Compiles with a memory: a type is compiled again only when something that was read for it has been replaced. */
export class Compiler {
  /** By cluster, then by type. */
  readonly #known = new Map<string, Map<string, Known>>();
  #clusters: Now['intent']['clusters'] | undefined;

  resources(snapshot: Now, cluster: string, type: string): Resources {
    this.#forgetRemoved(snapshot);
    return this.#remembered(cluster, type, snapshot, (reads) =>
      compile(reads.through(snapshot), cluster, type, (name) =>
        reads.note(`exports of ${name}`, snapshot, (at) => this.#exports(at, name)),
      ),
    );
  }

  #exports(snapshot: Now, cluster: string): Resources {
    return this.#remembered(cluster, 'exports', snapshot, (reads) => {
      reads.note('gateway owners', snapshot, (at) => ownersOf(at, cluster));
      return exportsFrom(reads.through(snapshot), cluster);
    });
  }

  /** Clusters of which something is kept. */
  get remembered(): Iterable<string> {
    return this.#known.keys();
  }

  #forgetRemoved({ intent: { clusters } }: Now): void {
    if (clusters === this.#clusters) return;
    this.#clusters = clusters;
    for (const cluster of this.#known.keys()) if (!clusters.has(cluster)) this.#known.delete(cluster);
  }

  #remembered(cluster: string, type: string, snapshot: Now, make: (reads: Reads) => Resources): Resources {
    const ofCluster = this.#known.get(cluster) ?? new Map<string, Known>();
    const known = ofCluster.get(type);
    if (known && !known.reads.changedIn(snapshot)) return known.resources;
    const reads = new Reads();
    const resources = keepEqual(known?.resources, make(reads));
    this.#known.set(cluster, ofCluster.set(type, { reads, resources }));
    return resources;
  }
}

/** The clusters that a cluster's gateways belong to, in their order. */
const ownersOf = ({ observed, index }: Now, cluster: string): string =>
  [...(observed.get(cluster)?.gateways.values() ?? [])]
    .map(({ address }) => index.gatewayOwners.owner(address) ?? '')
    .join(' ');

/** The map of before when the content is the same, so that its users can compare by identity. */
function keepEqual(before: Resources | undefined, after: Resources): Resources {
  if (before?.size !== after.size) return after;
  return [...after].every(([name, { version }]) => before.get(name)?.version === version) ? before : after;
}
