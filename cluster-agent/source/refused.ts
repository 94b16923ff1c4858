import type { Finding, Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Refusal } from '@isthmus/api/kubernetes/decode.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { StandIn } from '@isthmus/api/kubernetes/policy-stand-in.ts';
import { reducePolicy } from '../translate/l4/reduce-policy.ts';
import { standInEffect } from '../translate/l4/stand-in-effect.ts';

/** Where an object is written: '' and 0 where it comes from no file. */
export interface Written {
  readonly file: string;
  readonly line: number;
}

export const rejectionOf = (object: string, finding: Finding, file: string, line: number): Rejection => ({
  code: finding.code,
  severity: finding.severity,
  object: cut(object),
  field: cut(finding.field),
  message: cut(finding.message),
  file,
  line,
});

/** What proxies at L4 do not enforce, or enforce more strictly than its author wrote it. */
export const notEnforced = (object: ClusterObject): readonly Finding[] =>
  object.kind === 'AuthorizationPolicy' ? reducePolicy(object).findings : [];

/** What is in force for a refused policy, and what that means; undefined: nothing, as it would deny nothing. */
export function inForceFor(
  { object: refused, standIn }: Pick<Refusal, 'object' | 'standIn'>,
  { file, line }: Written,
): { readonly object: StandIn; readonly standsIn: Rejection } | undefined {
  if (standIn === undefined || standIn === 'NO_NAMESPACE') return undefined;
  const effect = standInEffect(standIn);
  if (effect === undefined) return undefined;
  return { object: standIn, standsIn: rejectionOf(refused, closed(effect), file, line) };
}

/** What the refused policy may deny is denied. */
const closed = (effect: string): Finding => ({
  code: 'REFUSED_POLICY_CLOSES',
  severity: 'ERROR',
  field: '',
  message: `this policy cannot be read, so ${effect}; correct it to end this`,
});

/** Whole characters only, as what is cut within one comes out of the link as another text. */
const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text).toWellFormed();
