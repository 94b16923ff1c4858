import type { Authorization } from './authorization.ts';
import { evaluateSeen, type Verdict } from './evaluate.ts';
import type { Seen } from './matching.ts';

/** The policies that apply to a workload, and the names among them that are not known. */
export interface Applicable {
  readonly policies: readonly Authorization[];
  /** A new connection is held for these, and refused with POLICY_UNKNOWN if they do not come; live ones stay. */
  readonly missing: readonly string[];
}

/**
 * What holds for a connection now. While a policy is missing a refusal by a DENY is final, and nothing else is: what is
 * missing may allow as well as deny. A new connection waits for it, at most 5 seconds, and is refused if it has not
 * come; a live one is not ended by POLICY_UNKNOWN.
 */
export function verdictFor({ policies, missing }: Applicable, facts: Seen): Verdict {
  const known = evaluateSeen(policies, facts);
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
