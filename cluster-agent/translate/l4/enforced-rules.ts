import type { Clause, Rule } from '@isthmus/mesh/rbac/authorization.ts';
import type { ClauseReading, Reading } from './clause-reading.ts';

/** Rules as an L4 proxy enforces them, and what they leave out. */
export interface Enforced {
  /** Several stand for one that the workload API cannot say in one. */
  readonly rules: readonly Rule[];
  /** EXACT: as written. STRICTER: less is allowed or more is denied. NONE: the rule matches nothing. */
  readonly as: 'EXACT' | 'STRICTER' | 'NONE';
  /** Alternatives of a DENY that only requests can meet: they are not enforced. */
  readonly leavesOut: boolean;
}

const exact = (rules: readonly Rule[]): Enforced => ({ rules, as: 'EXACT', leavesOut: false });

const isJudged = ({ requests, unjudged }: Reading): boolean => requests.length + unjudged.length === 0;
const isBounded = ({ parts }: Reading): boolean => parts.length > 0;
const bounds = (clause: ClauseReading): boolean => clause.every(isBounded);

/** A rule of an ALLOW with a part that cannot be judged allows nothing, as istiod has it. */
export const allowed = (clauses: readonly ClauseReading[]): Enforced =>
  clauses.flat().every(isJudged) ? exact(conjunction(clauses)) : { rules: [], as: 'NONE', leavesOut: false };

/**
 * A rule of a DENY denies every connection that it may be about: what cannot be judged is taken to hold. A clause with an
 * alternative of which nothing is left then holds for every connection, and the others alone say what is denied. Where
 * no other is left, each alternative denies by itself what is left of it; only what is of requests alone denies nothing,
 * as under istiod, as nothing else would be left than to deny everything.
 */
export function denied(clauses: readonly ClauseReading[]): Enforced {
  const bounding = clauses.filter(bounds);
  const isExact = clauses.flat().every(isJudged);
  if (isExact) return exact(conjunction(clauses));
  if (bounding.length > 0) return { rules: conjunction(bounding), as: 'STRICTER', leavesOut: false };
  const isAnyConnection = clauses.some((clause) =>
    clause.some((one) => !isBounded(one) && one.unjudged.length > 0),
  );
  if (isAnyConnection) return { rules: [[]], as: 'STRICTER', leavesOut: false };
  const left = clauses.map((clause) => clause.filter(isBounded)).filter((clause) => clause.length > 0);
  const rules = left.flatMap((clause) => conjunction([clause]));
  // The alternatives that are left of a single clause deny exactly what they match.
  const isExactRest = clauses.length === 1 && left.flat().every(isJudged);
  return { rules, as: rules.length === 0 ? 'NONE' : isExactRest ? 'EXACT' : 'STRICTER', leavesOut: true };
}

/** All clauses: one rule, or several where an alternative has two parts, which one match cannot say. */
function conjunction(clauses: readonly ClauseReading[]): readonly Rule[] {
  let rules: readonly Rule[] = [[]];
  for (const forms of clauses.map(formsOf))
    rules = rules.flatMap((rule) => forms.map((form) => [...rule, ...form]));
  return rules;
}

/** Alternatives of one part are one clause; one of several parts is several clauses, by itself. */
function formsOf(clause: ClauseReading): readonly Rule[] {
  const single = clause.filter(({ parts }) => parts.length === 1);
  const compound = clause.filter(({ parts }) => parts.length > 1);
  const together: readonly Clause[] = single.length > 0 ? [single.flatMap(({ parts }) => parts)] : [];
  return [
    ...(together.length > 0 ? [together] : []),
    ...compound.map(({ parts }): Rule => parts.map((part) => [part])),
  ];
}
