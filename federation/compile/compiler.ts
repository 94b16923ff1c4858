import { compile, type Resources } from './compile.ts';
import type { FederationSnapshot } from '../state/snapshot.ts';

/** What a type rests on: when none of these is another object than before, nothing of it has changed. */
const inputs: Readonly<Record<string, (snapshot: FederationSnapshot) => readonly unknown[]>> = {
  'trust-bundle': ({ intent }) => [intent.trustDomains],
  intermediate: ({ intent }) => [intent.intermediates],
  activation: ({ intent }) => [intent.intermediates],
  policy: ({ intent }) => [intent.accessPolicies],
  traffic: ({ intent }) => [intent.trafficPolicies],
  diversion: ({ intent }) => [intent.clusters, intent.failovers],
  grant: ({ intent, observed }) => [intent.clusters, intent.serviceExports, observed],
  remote: ({ intent, observed }) => [intent.clusters, intent.serviceExports, observed],
};

/** Compiles with a memory: a type is compiled again only when something that it rests on was replaced. */
export class Compiler {
  readonly #known = new Map<string, { inputs: readonly unknown[]; resources: Resources }>();

  resources(snapshot: FederationSnapshot, cluster: string, type: string): Resources {
    const key = `${cluster}/${type}`;
    const now = inputs[type]?.(snapshot) ?? [];
    const known = this.#known.get(key);
    if (known && known.inputs.every((one, i) => one === now[i])) return known.resources;
    const resources = keepEqual(known?.resources, compile(snapshot, cluster, type));
    this.#known.set(key, { inputs: now, resources });
    return resources;
  }
}

/** The map of before when the content is the same, so that its users can compare by identity. */
function keepEqual(before: Resources | undefined, after: Resources): Resources {
  if (before?.size !== after.size) return after;
  return [...after].every(([name, { version }]) => before.get(name)?.version === version) ? before : after;
}
