import type { TranslateInput } from '../translate/input.ts';
import type { XdsServer } from '../xds/server.ts';
import { PolicyCoverage } from './policy-coverage.ts';

/** How far policies have come, by what is derived of this cluster's workloads. */
export const clusterCoverage = (
  { cluster, view, derived }: Pick<TranslateInput, 'cluster' | 'view' | 'derived'>,
  streams: XdsServer,
): PolicyCoverage =>
  new PolicyCoverage({
    cluster,
    view,
    judged: (pod) => derived.judged(pod),
    isNamed: (uid, policy) =>
      derived.snapshot.workloads.get(uid)?.authorizationPolicies.includes(policy) ?? false,
    streams,
  });
