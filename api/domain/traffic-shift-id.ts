import type { ClusterName } from './names.ts';

/** What a traffic shift is: the drain of a cluster, or what a failover takes from one cluster. */
export type TrafficShiftId =
  { readonly drain: ClusterName } | { readonly failover: string; readonly cluster: ClusterName };

/** `drain:<cluster>` or `failover:<id>:<cluster>`. */
export const formatTrafficShiftId = (id: TrafficShiftId): string =>
  'drain' in id ? `drain:${id.drain}` : `failover:${id.failover}:${id.cluster}`;

/** Undefined for what is no such id. */
export function parseTrafficShiftId(text: string): TrafficShiftId | undefined {
  const parts = text.split(':');
  const [kind, first = '', second = ''] = parts;
  if (parts.includes('')) return undefined;
  if (kind === 'drain' && parts.length === 2) return { drain: first };
  if (kind === 'failover' && parts.length === 3) return { failover: first, cluster: second };
  return undefined;
}

/** What an operation moves or moves back: the drain of a cluster, or a failover with all its clusters. */
export type TrafficShiftSubject = { readonly drain: ClusterName } | { readonly failover: string };

/** `drain:<cluster>` or `failover:<id>`. */
export const formatTrafficShiftSubject = (subject: TrafficShiftSubject): string =>
  'drain' in subject ? `drain:${subject.drain}` : `failover:${subject.failover}`;

/** Undefined for what is no such subject. */
export function parseTrafficShiftSubject(text: string): TrafficShiftSubject | undefined {
  const parts = text.split(':');
  const [kind, name = ''] = parts;
  if (parts.length !== 2 || name === '') return undefined;
  if (kind === 'drain') return { drain: name };
  return kind === 'failover' ? { failover: name } : undefined;
}

/** The subject of the operations that a traffic shift belongs to. */
export const subjectOf = (id: TrafficShiftId): TrafficShiftSubject =>
  'drain' in id ? { drain: id.drain } : { failover: id.failover };
