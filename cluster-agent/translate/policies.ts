import type { AuthorizationPolicyObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { match } from '@isthmus/mesh/rbac/match.ts';
import { selects } from '../view/cluster-view.ts';
import { rootNamespace, type TranslateInput } from './input.ts';

/** Istio's name for the policy that STRICT attaches to a workload. */
const strictKey = `${rootNamespace}/istio_converted_static_strict`;

const strict: Authorization = {
  ...{ key: strictKey, name: 'istio_converted_static_strict', namespace: rootNamespace },
  ...{ scope: 'WORKLOAD_SELECTOR', action: 'DENY', dryRun: false },
  rules: [[[match({ notPrincipals: [{ kind: 'presence' }] })]]],
};

/** The cluster's own policies and the hub's, by the names under which workloads refer to them. */
export function authorizations({ view, hub }: TranslateInput): Map<string, Authorization> {
  const own = view.all('AuthorizationPolicy').filter(isL4).map(convert);
  const global = [...hub.policies.values()].map(({ authorization }) => authorization);
  const all = [...own, ...global, ...(view.all('PeerAuthentication').length > 0 ? [strict] : [])];
  return new Map(all.map((policy) => [policy.key, policy]));
}

/** Those with a target are a waypoint's business; AUDIT and CUSTOM are never sent to an L4 proxy. */
const isL4 = ({ hasTargetRef, action }: AuthorizationPolicyObject): boolean =>
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

/** The names that a pod's workload refers to. */
export function policiesOf(input: TranslateInput, pod: PodObject): readonly string[] {
  const { view, hub } = input;
  const { namespace, labels } = pod.metadata;
  const own = view
    .all('AuthorizationPolicy')
    .filter((policy) => isL4(policy) && scopeOf(policy) === 'WORKLOAD_SELECTOR')
    // A selector in the root namespace selects in every namespace.
    .filter(({ metadata }) => metadata.namespace === namespace || metadata.namespace === rootNamespace)
    .filter(({ selector }) => selects(selector, labels))
    .map(keyOf);
  const global = [...hub.policies.values()]
    .filter(({ target }) => target.namespace === namespace && selects(target.labels, labels))
    .map(({ authorization }) => authorization.key);
  return [...own, ...global, ...(isStrict(input, pod) ? [strictKey] : [])].sort();
}

/** PeerAuthentication by its precedence: the workload's, the namespace's, the mesh's; PERMISSIVE when none says. */
export function isStrict({ view }: TranslateInput, { metadata }: PodObject): boolean {
  const all = view.all('PeerAuthentication').filter(({ mode }) => mode !== 'UNSET');
  const bare = (selector: Readonly<Record<string, string>>) => Object.keys(selector).length === 0;
  const here = all.filter((one) => one.metadata.namespace === metadata.namespace);
  const mode =
    here.find(({ selector }) => !bare(selector) && selects(selector, metadata.labels))?.mode ??
    here.find(({ selector }) => bare(selector))?.mode ??
    all.find((one) => one.metadata.namespace === rootNamespace && bare(one.selector))?.mode;
  return mode === 'STRICT';
}
