import type { Condition } from '@isthmus/api/domain/condition.ts';
import { vipCount, type ShareRefusal } from './vip-shares.ts';

/** Pods and services that found no address in the cluster's block. */
export function addressConditions({
  refused,
}: {
  readonly refused: { readonly size: number } & Iterable<string>;
}): readonly Condition[] {
  if (refused.size === 0) return [];
  const message = `${refused.size} pods and services have no address, such as ${[...firstOf(refused, 3)].join(', ')}: the cluster's address block is full`;
  const remedy =
    'run fewer pods in this cluster, or export fewer services to it: pods have 248 addresses, and services 2,976 at all proxies together';
  return [
    {
      type: 'Addressed',
      status: 'False',
      reason: 'BLOCK_FULL',
      severity: 'ERROR',
      object: '',
      message,
      remedy,
    },
  ];
}

function* firstOf(all: Iterable<string>, max: number): Iterable<string> {
  let count = 0;
  for (const one of all) {
    if (count++ === max) return;
    yield one;
  }
}

/** Services that only another cluster has and that exceed its share of the virtual addresses: one for each cluster. */
export const shareRefusalConditions = (refusals: readonly ShareRefusal[]): readonly Condition[] =>
  refusals.map(({ cluster, services, addresses, bound }) => ({
    type: 'Addressed',
    status: 'False',
    reason: 'REMOTE_SHARE_FULL',
    severity: 'ERROR',
    object: `Cluster ${cluster}`,
    message: `${services.length} services that only ${cluster} has cannot be called here by all proxies, such as ${services.slice(0, 3).join(', ')}: they want ${addresses} more virtual addresses (one for each proxy), and services of one other cluster have at most ${bound} of ${vipCount}`,
    remedy: `export fewer services from ${cluster} to this cluster, or have fewer proxies here`,
  }));
