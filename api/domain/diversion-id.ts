import type { ClusterName } from './names.ts';

/** What a diversion is: the drain of a cluster, or what a failover takes from one cluster. */
export type DiversionId =
  { readonly drain: ClusterName } | { readonly failover: string; readonly cluster: ClusterName };

/** `drain:<cluster>` or `failover:<id>:<cluster>`. */
export const formatDiversionId = (id: DiversionId): string =>
  'drain' in id ? `drain:${id.drain}` : `failover:${id.failover}:${id.cluster}`;

/** Undefined for what is no such id. */
export function parseDiversionId(text: string): DiversionId | undefined {
  const parts = text.split(':');
  const [kind, first = '', second = ''] = parts;
  if (parts.includes('')) return undefined;
  if (kind === 'drain' && parts.length === 2) return { drain: first };
  if (kind === 'failover' && parts.length === 3) return { failover: first, cluster: second };
  return undefined;
}
