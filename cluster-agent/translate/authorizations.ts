import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import type { AuthorizationPolicyObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { namespaceOf, policyKey } from '../keys/names.ts';
import type { Derivation } from './derivation.ts';
import { forL4, reducePolicy } from './l4/reduce-policy.ts';
import { strict, strictKey } from './peer-authentications.ts';

interface Inputs {
  readonly own: AuthorizationPolicyObject | undefined;
  readonly fromHub: CompiledPolicy | undefined;
  readonly converted: Authorization | undefined;
}

/**
 * A policy by the name that workloads have for it. Of several with one name, what a PeerAuthentication demands counts
 * first, then what the hub has sent.
 */
export const authorization: Derivation<string, Inputs, Authorization> = {
  name: 'authorization',
  reads: new Set(['authorization', 'peers', 'hub']),
  *keys({ view, hub }) {
    yield strictKey;
    for (const { metadata } of view.all('AuthorizationPolicy')) yield policyKey(metadata);
    for (const policy of hub.policies()) yield policy.authorization.key;
  },
  wakes(touched, forms) {
    switch (touched.kind) {
      case 'authorization':
        return [touched.policy];
      case 'peers':
        return [strictKey];
      case 'hub':
        return touched.type === 'policy'
          ? (forms as readonly CompiledPolicy[]).map(({ authorization: { key } }) => key)
          : [];
      default:
        return [];
    }
  },
  inputs(key, { view, hub, derived }) {
    const object = view.policies.authorizations.get(key);
    const own = object && forL4(object) ? object : undefined;
    const fromHub = hub.policyNamed(key);
    const isStrict = key === strictKey && view.policies.peers.size > 0;
    const converted = isStrict ? strict : derived.converted(key);
    return own || fromHub || converted ? { own, fromHub, converted } : undefined;
  },
  derive({ own, fromHub, converted }) {
    const found = converted ?? fromHub?.authorization ?? (own && convert(own));
    if (!found) throw new Error('a policy without any source has no inputs');
    return found;
  },
  goesLast(touched) {
    // What PeerAuthentications demand reaches pods by the demands of their namespace.
    if (touched.kind === 'peers') return [{ kind: 'demands', namespace: touched.namespace }];
    if (touched.kind !== 'authorization') return [touched];
    return [touched, { kind: 'demands', namespace: namespaceOf(touched.policy) }];
  },
  records: (name, record) => [{ part: 'authorizations', name, record }],
};

function convert(policy: AuthorizationPolicyObject): Authorization {
  const { metadata, action, dryRun } = policy;
  return {
    key: policyKey(metadata),
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
