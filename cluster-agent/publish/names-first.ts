import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import type { Touched } from '../keys/touched.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { resourcesIn } from './delta.ts';

/**
 * Which policies that wait are named by a workload that is about to be published: proxies refuse or leave open what a
 * policy that they lack would decide, so the policy comes first. PeerAuthentications have no name in the workload, so
 * those of its namespace and of the whole mesh count.
 */
export function isNamedBy(
  touched: ChangeSet,
  snapshot: ClusterSnapshot,
): (key: Touched, from: ChangeSet) => boolean {
  let named: Named | undefined;
  return (key, from) => {
    if (!canBeNamed(key)) return false;
    named ??= namedIn(touched, snapshot);
    return isAmong(named, key, from);
  };
}

interface Named {
  readonly policies: ReadonlySet<string>;
  /** Of the workloads. */
  readonly namespaces: ReadonlySet<string>;
}

const canBeNamed = (key: Touched): boolean =>
  key.kind === 'authorization' || key.kind === 'peers' || (key.kind === 'hub' && key.type === 'policy');

function namedIn(touched: ChangeSet, { workloads }: ClusterSnapshot): Named {
  const names = resourcesIn(touched).get(typeUrls.address) ?? [];
  const differing = [...names].flatMap((name) => workloads.get(name) ?? []);
  return {
    policies: new Set(differing.flatMap(({ authorizationPolicies }) => authorizationPolicies)),
    namespaces: new Set(differing.map(({ namespace }) => namespace)),
  };
}

function isAmong({ policies, namespaces }: Named, key: Touched, from: ChangeSet): boolean {
  if (key.kind === 'authorization') return policies.has(key.policy);
  if (key.kind === 'peers')
    return namespaces.has(key.namespace) || (namespaces.size > 0 && key.namespace === rootNamespace);
  const forms = from.formsOf(key);
  // Without forms nothing is known of the policy, so any that is named may be it.
  return (
    (forms.length === 0 && policies.size > 0) ||
    forms.some((form) => 'authorization' in form && policies.has(form.authorization.key))
  );
}
