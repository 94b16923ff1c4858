import type { Metadata } from './objects.ts';

/** A wall-clock time as Kubernetes writes it (RFC 3339). */
const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Epoch milliseconds of metadata.creationTimestamp. 0 when there is none, so that an object without one is older than
 * any other, as Go's zero time is to istiod.
 */
export function readCreation(written: unknown): number {
  if (typeof written !== 'string' || !timestamp.test(written)) return 0;
  const millis = Date.parse(written);
  return Number.isNaN(millis) ? 0 : millis;
}

interface Dated {
  readonly metadata: Pick<Metadata, 'createdAt' | 'namespace' | 'name'>;
}

/**
 * Which of two objects holds where only one can: the older, then the first by namespace and name. Never the order in
 * which they were read, which a restart changes.
 */
export const byPrecedence = ({ metadata: a }: Dated, { metadata: b }: Dated): number =>
  a.createdAt - b.createdAt || compareText(a.namespace, b.namespace) || compareText(a.name, b.name);

/** By code units: the same on every machine, whatever its language. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
