import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from './cluster-view.ts';

/** Service accounts of the ztunnels that serve a whole node, `<namespace>/<name>`: their tokens prove them. */
export type NodeProxyAccounts = ReadonlySet<string>;

/** Istio's ztunnel, by default. */
export const istiosAccount = 'istio-system/ztunnel';

/**
 * Of several ztunnels of a node, as while one replaces another: those that are not on their way out first, then the
 * newest, then the first by name. Never the order in which they were listed.
 */
export const byService = (a: PodObject, b: PodObject): number =>
  Number(a.deleted) - Number(b.deleted) ||
  b.metadata.createdAt - a.metadata.createdAt ||
  (a.metadata.name < b.metadata.name ? -1 : 1);

/** The ztunnel that serves a node's pods. `isServing`: it has proven that it does. */
export function nodeProxyOf(
  view: Pick<ClusterView, 'nodeProxies'>,
  node: string,
  isServing: (proxy: PodObject) => boolean = () => false,
): PodObject | undefined {
  const all = view.nodeProxies(node);
  return all.find(isServing) ?? all[0];
}
