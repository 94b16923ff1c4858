import type { Arrival, LocalPod } from '../capture.ts';
import type { Captured } from './inside.ts';

/** What came to a listener of a pod, as the engine reads it. */
export function arrivalOf(pod: LocalPod, { role, connection, from, original }: Captured): Arrival {
  return role === 'outbound'
    ? { role, connection, from, caller: pod, original: { kind: 'address', ...original } }
    : { role, connection, from, pod, original };
}
