import type { TranslateInput } from '../translate/input.ts';
import type { XdsServer } from '../xds/server.ts';
import { PolicyCoverage } from './policy-coverage.ts';

/**
 * How far policies have come, by what is derived of this cluster's workloads. `outside`: whether workloads that no proxy
 * serves count; the cluster's own policies say of whole namespaces what holds for those that are in the mesh.
 */
export const clusterCoverage = (
  { cluster, view, derived }: Pick<TranslateInput, 'cluster' | 'view' | 'derived'>,
  streams: XdsServer,
  outside?: 'IGNORED',
): PolicyCoverage =>
  new PolicyCoverage({
    cluster,
    view,
    judged: (pod) => derived.judged(pod),
    isNamed: (uid, policy) =>
      derived.snapshot.workloads.get(uid)?.authorizationPolicies.includes(policy) ?? false,
    streams,
    ...(outside && { outside }),
  });
