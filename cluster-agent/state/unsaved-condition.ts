import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Unsaved } from './until-written.ts';

/** One condition for all that cannot be written to the state folder, with the reason of the first: a full disk refuses all alike. */
export function unsavedConditions(
  stateDir: string,
  parts: readonly Pick<Unsaved, 'unsaved'>[],
): readonly Condition[] {
  const reasons = new Set(parts.flatMap(({ unsaved }) => unsaved ?? []));
  const [first] = reasons;
  if (first === undefined) return [];
  const others = reasons.size === 1 ? '' : `, and ${reasons.size - 1} more`;
  return [
    {
      type: 'StateSaved',
      status: 'False',
      reason: 'STATE_NOT_SAVED',
      severity: 'ERROR',
      object: '',
      message: `what has changed is in force and is not on the disk, so an agent that is started again does not know it: ${first}${others}`,
      remedy: `make room in the state folder ${stateDir}, or let the agent write there; it tries again each second`,
    },
  ];
}
