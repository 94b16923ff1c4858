import type { AuthorizationPolicyObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { byPrecedence } from '@isthmus/api/kubernetes/precedence.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { selects } from '../view/selectors.ts';
import { rootNamespace, type TranslateInput } from './input.ts';
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

export function policies({ view, hub }: TranslateInput): Policies {
  const own = [...view.all('AuthorizationPolicy')].filter(isL4).sort(byPrecedence);
  const global = [...hub.policies.values()];
  const peers = peerAuthentications(view);
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
      const selected = view.policies.authorizationsOf(pod).filter(isL4).map(keyOf);
      const fromHub = (globalOf.get(namespace) ?? [])
        .filter(({ target }) => selects(target.labels, labels))
        .map(({ authorization }) => authorization.key);
      const { strict, keys } = peers.of(pod);
      return { keys: [...selected, ...fromHub, ...keys].sort(), strict };
    },
  };
}

/** Those with a target are a waypoint's business; AUDIT and CUSTOM are never sent to an L4 proxy. */
export const isL4 = ({ hasTargetRef, action }: AuthorizationPolicyObject): boolean =>
  !hasTargetRef && (action === 'ALLOW' || action === 'DENY');

const keyOf = ({ metadata }: AuthorizationPolicyObject): string => `${metadata.namespace}/${metadata.name}`;

function convert(policy: AuthorizationPolicyObject): Authorization {
  const { metadata, action, rules, dryRun } = policy;
  return {
    key: keyOf(policy),
    name: metadata.name,
    namespace: metadata.namespace,
    scope: scopeOf(policy),
    rules,
    dryRun,
    action: action === 'DENY' ? 'DENY' : 'ALLOW',
  };
}

function scopeOf({ selector, metadata }: AuthorizationPolicyObject): Authorization['scope'] {
  if (Object.keys(selector).length > 0) return 'WORKLOAD_SELECTOR';
  return metadata.namespace === rootNamespace ? 'GLOBAL' : 'NAMESPACE';
}
