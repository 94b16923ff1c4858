import type {
  AuthorizationPolicyObject,
  PeerAuthenticationObject,
  PodObject,
} from '@isthmus/api/kubernetes/objects.ts';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { ChangeSet, Stored } from '../keys/change-set.ts';
import { policyKey } from '../keys/names.ts';
import { forL4 } from '../translate/l4/reduce-policy.ts';
import {
  convertedKey,
  demandOf,
  isOfNamespace,
  isOfWorkload,
  strictKey,
} from '../translate/peer-authentications.ts';
import type { Outputs } from '../translate/world.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { everyNamespace, type CoveredPolicy, type Held } from './covered-policy.ts';

/** A security policy of the cluster itself. */
export type OwnPolicy = AuthorizationPolicyObject | PeerAuthenticationObject;

/** What the coverage of own policies rests on. */
export interface OwnWorld {
  readonly view: ClusterView;
  readonly derived: Pick<Outputs, 'demands'>;
}

/** A policy as its coverage sees it; undefined: it is nothing to an L4 proxy. Its name is its object's id. */
export const covered = (policy: OwnPolicy, world: OwnWorld): CoveredPolicy | undefined =>
  policy.kind === 'AuthorizationPolicy' ? coveredAuthorization(policy) : coveredPeer(policy, world);

function coveredAuthorization(policy: AuthorizationPolicyObject): CoveredPolicy | undefined {
  if (!forL4(policy)) return undefined;
  const { metadata, selector } = policy;
  const key = policyKey(metadata);
  const held: readonly Held[] = [{ key, isNamedByWorkload: Object.keys(selector).length > 0 }];
  return {
    name: objectId(policy.kind, metadata),
    target: { namespace: reachOf(metadata.namespace), labels: selector },
    keys: [key],
    at: () => held,
  };
}

/**
 * A PeerAuthentication is what the workload's policies of its demands say, and is for those workloads alone at which no
 * other one holds. Where it leaves plaintext in there is no policy: then the workload as such has to be acknowledged.
 */
function coveredPeer(policy: PeerAuthenticationObject, world: OwnWorld): CoveredPolicy | undefined {
  const isOfMesh = policy.metadata.namespace === rootNamespace;
  if (!isOfNamespace(policy) && !isOfWorkload(policy)) return undefined;
  return {
    name: objectId(policy.kind, policy.metadata),
    target: {
      namespace: isOfMesh ? everyNamespace : policy.metadata.namespace,
      labels: isOfNamespace(policy) ? {} : policy.selector,
    },
    keys: [strictKey, convertedKey(policy.metadata)],
    at(pod) {
      if (holding(pod, world.view) !== policy) return undefined;
      const demands = world.derived.demands(pod.metadata.namespace) ?? world.derived.demands(rootNamespace);
      return demandOf(demands, pod).keys.map((key) => ({ key, isNamedByWorkload: true }));
    },
  };
}

/** The one that says what holds at a workload: of several the oldest, its own before the namespace's before the mesh's. */
function holding(pod: PodObject, { policies }: ClusterView): PeerAuthenticationObject | undefined {
  const near = policies.peersOf(pod);
  const mesh = policies.peers.everything(rootNamespace);
  const levels = [near.find(isOfWorkload), near.find(isOfNamespace), mesh.find(isOfNamespace)];
  return levels.find((one) => one && (one.mode !== 'UNSET' || one.ports.size > 0));
}

const reachOf = (namespace: string): string => (namespace === rootNamespace ? everyNamespace : namespace);

/** Own policies whose coverage is another one when a key is touched, beside what pods and proxies say: also some that are gone. */
export function* policiesTouched(keys: ChangeSet, { view }: OwnWorld): Iterable<OwnPolicy> {
  for (const key of keys)
    switch (key.kind) {
      case 'synced':
        yield* view.all('AuthorizationPolicy');
        yield* view.all('PeerAuthentication');
        break;
      case 'authorization':
      case 'peers':
        yield* keys.formsOf(key).filter(isOwnPolicy);
        // What one says decides where others hold.
        if (key.kind === 'peers') yield* siblingsOf(key.namespace, view);
        break;
      default:
    }
}

const siblingsOf = (namespace: string, view: ClusterView): Iterable<OwnPolicy> =>
  namespace === rootNamespace ? view.all('PeerAuthentication') : view.policies.peers.ofNamespace(namespace);

const isOwnPolicy = (form: Stored): form is OwnPolicy =>
  'kind' in form && (form.kind === 'AuthorizationPolicy' || form.kind === 'PeerAuthentication');
