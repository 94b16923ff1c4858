import type { MeshState } from '../state/mesh-state.ts';
import type { Workload } from '../state/workload.ts';
import type { Authorization } from './authorization.ts';
import { evaluate, type Connection, type Verdict } from './evaluate.ts';

/** The policies that apply to a workload, and the names among them that are not known. */
export interface Applicable {
  readonly policies: readonly Authorization[];
  /** A new connection is held for these, and refused with POLICY_UNKNOWN if they do not come; live ones stay. */
  readonly missing: readonly string[];
}

/** Those of its namespace, those of the whole mesh, and those that it names. */
export function policiesFor(state: MeshState, workload: Workload): Applicable {
  const named = workload.authorizationPolicies.map((key) => ({ key, policy: state.policies.get(key) }));
  const unnamed = state.policies.unnamed(workload.namespace);
  const selected = named.flatMap(({ policy }) => (policy && !unnamed.includes(policy) ? [policy] : []));
  return {
    policies: [...unnamed, ...selected],
    missing: named.filter(({ policy }) => !policy).map(({ key }) => key),
  };
}

/**
 * What holds for a connection now. While a policy is missing a refusal by a DENY is final, and nothing else is: what is
 * missing may allow as well as deny. A new connection waits for it, at most 5 seconds, and is refused if it has not
 * come; a live one is not ended by POLICY_UNKNOWN.
 */
export function verdictFor(state: MeshState, connection: Connection): Verdict {
  const { policies, missing } = policiesFor(state, connection.destination.workload);
  const known = evaluate(policies, connection);
  return missing.length > 0 && known.reason !== 'DENIED' ? unknownPolicy(missing, known.dryRun) : known;
}

const unknownPolicy = (missing: readonly string[], dryRun: readonly string[]): Verdict => ({
  allowed: false,
  reason: 'POLICY_UNKNOWN',
  policy: missing[0],
  rule: undefined,
  dryRun,
  message: `policy ${missing.slice(0, 3).join(', ')} is named by the workload and has not come from the control plane`,
});
