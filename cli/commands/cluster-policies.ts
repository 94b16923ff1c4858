import type { Endpoint } from '../endpoint.ts';
import { all } from '../pages.ts';
import { lines, plain, table } from '../print.ts';

interface Verdict {
  readonly status: 'TRUE' | 'FALSE' | 'UNKNOWN';
  readonly reason: string;
  readonly message: string;
}

/** A policy that a cluster itself has. */
export interface ClusterPolicy {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: string;
  readonly selector: readonly { readonly key: string; readonly value: string }[];
  readonly accepted: Verdict;
  readonly enforced: Verdict;
}

const verdict = '{ status reason message }';

/** Those of a cluster, or of one namespace of it. */
export const clusterPolicies = (
  endpoint: Endpoint,
  cluster: string,
  namespace: string | undefined,
): Promise<readonly ClusterPolicy[]> =>
  all<ClusterPolicy>(endpoint, {
    field: 'clusterPolicies',
    nodes: `kind namespace name action selector { key value } accepted ${verdict} enforced ${verdict}`,
    arguments: {
      cluster: { type: 'String!', value: cluster },
      namespace: { type: 'String', value: namespace },
    },
  });

/** A table, and below it why policies are not accepted or not enforced. */
export const clusterPoliciesText = (policies: readonly ClusterPolicy[], cluster: string): string =>
  policies.length === 0
    ? `${cluster} has no such policies`
    : lines(tableOf(policies), ...policies.flatMap(troubles));

const tableOf = (policies: readonly ClusterPolicy[]): string =>
  table(
    ['policy', 'kind', 'action', 'selects', 'accepted', 'enforced'],
    policies.map(({ kind, namespace, name, action, selector, accepted, enforced }) => [
      ...[`${namespace}/${name}`, kind, action || '-'],
      selector.map(({ key, value }) => `${key}=${value}`).join(',') || 'all',
      ...[accepted.reason, enforced.reason],
    ]),
  );

const troubles = ({ kind, namespace, name, accepted, enforced }: ClusterPolicy): readonly string[] =>
  [
    ...(accepted.reason === 'Accepted' ? [] : [accepted]),
    ...(enforced.status === 'TRUE' ? [] : [enforced]),
  ].map(({ reason, message }) => plain(`${kind} ${namespace}/${name}: ${reason}: ${message}`));
