import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import { z } from 'zod';
import { equals } from '../keys/equals.ts';

/** A condition of a status as the API has it, of whatever writer. Istio's may have a generation that is text. */
const condition = z.looseObject({
  type: z.string(),
  status: z.string().optional(),
  lastTransitionTime: z.string().optional(),
  observedGeneration: z.union([z.number(), z.string()]).optional(),
});
export type Written = z.infer<typeof condition>;

/** Those that can be read. Others would be lost in a list that is written as a whole; they have no type to be known by. */
export const readConditions = (raw: unknown): readonly Written[] =>
  Array.isArray(raw)
    ? raw.flatMap((one) => {
        const read = condition.safeParse(one);
        return read.success ? [read.data] : [];
      })
    : [];

/** Longest message, characters. */
export const maxMessage = 1000;

/**
 * The list that has to be written; undefined when the API has it already. Conditions of other writers stay where and what
 * they are, as Istio's lists are written as a whole. The time of a condition is that of the last change of its status.
 * `now`: epoch milliseconds.
 */
export function mergedConditions(
  before: readonly Written[],
  wanted: readonly Wanted[],
  { generation, now }: { readonly generation: number | undefined; readonly now: number },
): readonly object[] | undefined {
  const ours = new Map(wanted.map((one) => [one.type, one]));
  const kept = before.map((one) => {
    const to = ours.get(one.type);
    ours.delete(one.type);
    return to ? written(one, to, generation, now) : one;
  });
  const after = [...kept, ...[...ours.values()].map((one) => written(undefined, one, generation, now))];
  return equals(before, after) ? undefined : after;
}

function written(before: Written | undefined, to: Wanted, generation: number | undefined, now: number) {
  const { type, status, reason, message } = to;
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  const seen = before?.observedGeneration;
  const observed = generation ?? (seen === undefined ? undefined : Number(seen));
  const after = {
    type,
    status,
    reason,
    message: cut(message),
    lastTransitionTime: since ?? timestamp(now),
    ...(observed !== undefined && { observedGeneration: observed }),
  };
  // As text it is the same number: Istio's status writer writes it so.
  return before &&
    equals({ ...before, ...(seen !== undefined && { observedGeneration: Number(seen) }) }, after)
    ? before
    : after;
}

/** RFC 3339 in seconds, as metav1.Time. */
export const timestamp = (millis: number): string => `${new Date(millis).toISOString().slice(0, 19)}Z`;

/** So much of a text as a condition or an Event may have. */
export const cut = (text: string): string =>
  text.length > maxMessage ? `${text.slice(0, maxMessage - 1)}…`.toWellFormed() : text;
