import type { AuthorizationPolicyObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import { reducePolicy } from '@isthmus/cluster-agent/translate/l4/reduce-policy.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { selects } from './view.ts';
import { rootNamespace, type WholeInput } from './input.ts';
import { peerAuthentications } from './peer-authentications.ts';

/** The policies that one pod's proxy enforces. */
export interface PodPolicies {
  /** The names that its workload refers to, sorted. */
  readonly keys: readonly string[];
  /** Plaintext is refused on every port. */
  readonly strict: boolean;
}

/** The cluster's own policies and the hub's, and whose they are. */
export interface Policies {
  /** By the names under which workloads refer to them. */
  readonly authorizations: ReadonlyMap<string, Authorization>;
  readonly of: (pod: PodObject) => PodPolicies;
}

/** Indexes the policies once, so that each pod is matched against those of its own namespace alone. */
export function policies({ view, hub }: WholeInput): Policies {
  const own = view.all('AuthorizationPolicy').filter(isL4).sort(byPrecedence);
  const global = [...hub.policies.values()];
  const peers = peerAuthentications(view);
  const selecting = Map.groupBy(
    own.filter((policy) => scopeOf(policy) === 'WORKLOAD_SELECTOR'),
    ({ metadata }) => metadata.namespace,
  );
  const globalOf = Map.groupBy(global, ({ target }) => target.namespace);
  const all = [
    ...own.map(convert),
    ...global.map(({ authorization }) => authorization),
    ...peers.authorizations,
  ];
  return {
    authorizations: new Map(all.map((policy) => [policy.key, policy])),
    of(pod) {
      const { namespace, labels } = pod.metadata;
      // A selector in the root namespace selects in every namespace.
      const here = new Set([namespace, rootNamespace]);
      const selected = [...here]
        .flatMap((one) => selecting.get(one) ?? [])
        .filter(({ selector }) => selects(selector, labels))
        .map(keyOf);
      const fromHub = (globalOf.get(namespace) ?? [])
        .filter(({ target }) => selects(target.labels, labels))
        .map(({ authorization }) => authorization.key);
      const { strict, keys } = peers.of(pod);
      return { keys: [...selected, ...fromHub, ...keys].sort(), strict };
    },
  };
}

/** Those with a target are a waypoint's business; AUDIT and CUSTOM are never sent to an L4 proxy. */
const isL4 = ({ targets, action }: AuthorizationPolicyObject): boolean =>
  targets.length === 0 && (action === 'ALLOW' || action === 'DENY');

const keyOf = ({ metadata }: AuthorizationPolicyObject): string => `${metadata.namespace}/${metadata.name}`;

function convert(policy: AuthorizationPolicyObject): Authorization {
  const { metadata, action, dryRun } = policy;
  return {
    key: keyOf(policy),
    name: metadata.name,
    namespace: metadata.namespace,
    scope: scopeOf(policy),
    rules: reducePolicy(policy).rules,
    dryRun,
    action: action === 'DENY' ? 'DENY' : 'ALLOW',
  };
}

function scopeOf({ selector, metadata }: AuthorizationPolicyObject): Authorization['scope'] {
  if (Object.keys(selector).length > 0) return 'WORKLOAD_SELECTOR';
  return metadata.namespace === rootNamespace ? 'GLOBAL' : 'NAMESPACE';
}
