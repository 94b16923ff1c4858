import type { MeshState } from '../state/mesh-state.ts';
import type { Workload } from '../state/workload.ts';
import type { Authorization } from './authorization.ts';

/**
 * The policies that apply to a workload, and the names among them that are not known yet: what is named but unknown
 * holds new connections, as unknown never means allowed.
 */
export function policiesFor(state: MeshState, workload: Workload): { policies: readonly Authorization[]; missing: readonly string[] } {
  const named = workload.authorizationPolicies.map((key) => ({ key, policy: state.policies.get(key) }));
  return {
    policies: [...state.policies.unnamed(workload.namespace), ...named.flatMap(({ policy }) => policy ?? [])],
    missing: named.filter(({ policy }) => !policy).map(({ key }) => key),
  };
}
