import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { Written } from './condition-list.ts';
import type { Note } from './written-object.ts';

/** Reasons of conditions that people have to know of at once, and how their Events begin. */
const noted: Readonly<Record<string, string>> = {
  Invalid: 'it is refused, and this edit is not in force: ',
  UnsupportedValue: 'not all of it is in force as it is written: ',
  RefusedByProxy: 'it is not in force at all of its workloads: ',
  NoService: 'the export is not in force: ',
  InvalidServiceType: 'the export is not in force: ',
};

/**
 * What an Event has to say of conditions that are written; undefined: nothing. What a condition said before of the same
 * edit is not said again. Pure.
 */
export function noteOf(
  before: readonly Written[],
  wanted: readonly Wanted[],
  generation: number | undefined,
): Note | undefined {
  for (const one of wanted) {
    const { type, reason, message } = one;
    const prefix = prefixOf(one);
    if (prefix === undefined) continue;
    const last = before.find((earlier) => earlier.type === type);
    const isSame =
      last?.['reason'] === reason &&
      (generation === undefined || Number(last.observedGeneration) === generation);
    if (!isSame) return { reason, message: `${prefix}${message}` };
  }
  return undefined;
}

/** How the Event of a condition begins; undefined: there is none. The reason of a conflict has all that differ in it. */
const prefixOf = ({ type, status, reason }: Wanted): string | undefined => {
  if (type === 'Conflict') return status === 'True' ? '' : undefined;
  return Object.hasOwn(noted, reason) ? noted[reason] : undefined;
};
