import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import type { AuthorizationPolicyObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Stored } from '../keys/change-set.ts';
import { policyKey, podKey, type PodKey } from '../keys/names.ts';
import { selects } from '../view/selectors.ts';
import type { Derivation } from './derivation.ts';
import { forL4 } from './l4/reduce-policy.ts';
import { podKeys } from './part.ts';
import { demandOf, type PeerDemand } from './peer-authentications.ts';
import type { World } from './world.ts';

/** The policies that one pod's proxy enforces. */
export interface PodPolicies {
  /** The names that its workload refers to, sorted. */
  readonly keys: readonly string[];
  /** Plaintext is refused on every port. */
  readonly strict: boolean;
}

interface Inputs {
  /** The cluster's own that select the pod, in order of precedence. */
  readonly own: readonly AuthorizationPolicyObject[];
  readonly fromHub: readonly CompiledPolicy[];
  readonly demand: PeerDemand;
}

export const policies: Derivation<PodKey, Inputs, PodPolicies> = {
  name: 'policies',
  reads: new Set(['pod', 'authorization', 'demands', 'hub']),
  keys: ({ view }) => view.podKeys(),
  wakes(touched, forms, { view }) {
    switch (touched.kind) {
      case 'pod':
        return [touched.pod];
      case 'authorization':
        return metByOwn(forms, view);
      case 'hub':
        return touched.type === 'policy' ? metByHub(forms as readonly CompiledPolicy[], view) : [];
      case 'demands':
        // A namespace without PeerAuthentications has what the mesh demands.
        return podKeys(touched.namespace === rootNamespace ? view.pods() : view.podsIn(touched.namespace));
      default:
        return [];
    }
  },
  inputs(key, { view, hub, derived }) {
    const pod = view.podNamed(key);
    if (!pod) return undefined;
    const demands = derived.demands(pod.metadata.namespace) ?? derived.demands(rootNamespace);
    return {
      own: view.policies.authorizationsOf(pod).filter(forL4),
      fromHub: hub.policiesOf(pod),
      demand: demandOf(demands, pod),
    };
  },
  derive: ({ own, fromHub, demand }) => ({
    keys: [
      ...own.map(({ metadata }) => policyKey(metadata)),
      ...fromHub.map(({ authorization }) => authorization.key),
      ...demand.keys,
    ].sort(),
    strict: demand.strict,
  }),
  touches: (pod) => [{ kind: 'policies', pod }],
};

/** A selector in the root namespace selects in every namespace. */
function* metByOwn(forms: readonly Stored[], view: World['view']): Iterable<PodKey> {
  for (const { metadata, selector } of forms as readonly AuthorizationPolicyObject[]) {
    if (Object.keys(selector).length === 0) continue;
    if (metadata.namespace !== rootNamespace)
      yield* podKeys(view.podsSelectedBy(metadata.namespace, selector));
    else
      for (const pod of view.pods()) if (selects(selector, pod.metadata.labels)) yield podKey(pod.metadata);
  }
}

function* metByHub(forms: readonly CompiledPolicy[], view: World['view']): Iterable<PodKey> {
  for (const { target } of forms) yield* podKeys(view.podsSelectedBy(target.namespace, target.labels));
}
