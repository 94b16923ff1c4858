import type { Rejected } from './messages.ts';

/** The text of a refusal that names what was refused: `name: reason; name: reason`, as Istio's proxies write it. */
export const formatRejections = (rejected: readonly Rejected[]): string =>
  rejected.map(({ name, reason }) => `${name}: ${reason.replaceAll('; ', ', ')}`).join('; ');

/**
 * Which of `names` an error refuses, and why. The wire has only text, so a name counts when a part of the error
 * begins with it; an error that names none of them refuses them all.
 */
export function readRejections(error: string, names: Iterable<string>): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const all = new Set(names);
  for (const part of error.split('; '))
    for (let at = part.indexOf(': '); at >= 0; at = part.indexOf(': ', at + 1)) {
      const name = part.slice(0, at);
      if (all.has(name) && !reasons.has(name)) reasons.set(name, part.slice(at + 2));
    }
  return reasons.size > 0 ? reasons : new Map([...all].map((name) => [name, error]));
}
