import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { OwnCoverage } from './own-coverage.ts';
import type { OwnPolicy } from './own-policies.ts';
import type { PolicyState } from './policy-conditions.ts';

/** What the state of a policy is read from. */
export interface PolicyStates {
  readonly view: Pick<ClusterView, 'byId' | 'rejections'>;
  readonly coverage: Pick<OwnCoverage, 'progress'>;
}

/** What names a security policy of the cluster. */
export interface PolicyName {
  readonly kind: OwnPolicy['kind'];
  readonly namespace: string;
  readonly name: string;
}

/** A security policy of the cluster as far as it can be read. */
export interface StatedPolicy {
  /** The form that is in force, or was last; undefined: no form of it could be read. */
  readonly policy: OwnPolicy | undefined;
  readonly state: PolicyState;
}

/** Undefined: there is no such policy. */
export function statedPolicy(named: PolicyName, { view, coverage }: PolicyStates): StatedPolicy | undefined {
  const id = objectId(named.kind, named);
  const found = view.byId(id);
  const policy =
    found?.kind === 'AuthorizationPolicy' || found?.kind === 'PeerAuthentication' ? found : undefined;
  const rejections = view.rejections.of(id);
  if (!policy && rejections.length === 0) return undefined;
  return {
    policy,
    state: {
      rejections,
      isDryRun: policy?.kind === 'AuthorizationPolicy' && policy.dryRun,
      hasSelector: policy !== undefined && Object.keys(policy.selector).length > 0,
      progress: policy && coverage.progress(policy),
    },
  };
}
