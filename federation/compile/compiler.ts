import { compile, exportsFrom, members, type Resources } from './compile.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

interface Known {
  readonly inputs: readonly unknown[];
  readonly resources: Resources;
}

/** Compiles with a memory: a type is compiled again only when something that it rests on was replaced. */
export class Compiler {
  readonly #known = new Map<string, Known>();

  resources(snapshot: FederationSnapshot, cluster: string, type: string): Resources {
    const exported = (name: string) => this.#exports(snapshot, name);
    const inputs = inputsOf(snapshot, cluster, type, exported);
    return this.#remembered(`${cluster}/${type}`, inputs, () => compile(snapshot, cluster, type, exported));
  }

  #exports(snapshot: FederationSnapshot, cluster: string): Resources {
    const shard = snapshot.observed.get(cluster);
    const inputs = [snapshot.intent.serviceExports, shard?.services, shard?.gateways];
    return this.#remembered(`${cluster}/exports`, inputs, () => exportsFrom(snapshot, cluster));
  }

  #remembered(key: string, inputs: readonly unknown[], make: () => Resources): Resources {
    const known = this.#known.get(key);
    if (known?.inputs.length === inputs.length && known.inputs.every((one, i) => one === inputs[i]))
      return known.resources;
    const resources = keepEqual(known?.resources, make());
    this.#known.set(key, { inputs, resources });
    return resources;
  }
}

/** What a type rests on: when none of these is another object than before, nothing of it has changed. */
function inputsOf(
  snapshot: FederationSnapshot,
  cluster: string,
  type: string,
  exported: (cluster: string) => Resources,
): readonly unknown[] {
  const { intent, observed } = snapshot;
  const own = observed.get(cluster)?.services;
  switch (type) {
    case 'trust-bundle':
      return [intent.trustDomains];
    case 'intermediate':
      return [intent.intermediates, intent.clusters];
    case 'activation':
      return [intent.intermediates];
    case 'policy':
      return [intent.accessPolicies];
    case 'traffic':
      return [intent.trafficPolicies];
    case 'diversion':
      return [intent.clusters, intent.failovers];
    case 'grant':
      return [intent.clusters, intent.serviceExports, own];
    case 'remote':
      return [intent.clusters, intent.serviceExports, own, ...members(snapshot).map(exported)];
    default:
      return [];
  }
}

/** The map of before when the content is the same, so that its users can compare by identity. */
function keepEqual(before: Resources | undefined, after: Resources): Resources {
  if (before?.size !== after.size) return after;
  return [...after].every(([name, { version }]) => before.get(name)?.version === version) ? before : after;
}
