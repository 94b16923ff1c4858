import { formatSubject } from '@isthmus/api/domain/names.ts';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { policyVersionOf } from '../compile/version-of.ts';
import { refusalName, type ClusterRecord } from '../observation/cluster-record.ts';
import { isBehind, replicaBehind } from '../observation/replica.ts';
import type { Now } from '../state/now.ts';
import type { Stored } from '../store/store.ts';

/** How far one cluster is with a policy. */
export interface PolicyStatus extends Pick<Applied, 'state' | 'message' | 'proxies'> {
  readonly cluster: string;
}

/**
 * What each member that the policy is for reports about this revision; what it reported about an earlier one is no
 * answer.
 */
export function policyStatus(snapshot: Now, stored: Stored<AccessPolicy>): readonly PolicyStatus[] {
  const { name, target } = stored.value;
  const versions = new Map<TrustDomain, string | undefined>();
  const versionIn = (trustDomain: TrustDomain): string | undefined => {
    if (!versions.has(trustDomain)) versions.set(trustDomain, policyVersionOf(snapshot, name, trustDomain));
    return versions.get(trustDomain);
  };
  return [...snapshot.intent.clusters.values()]
    .filter(({ id, value }) => value.admission === 'ADMITTED' && snapshot.observed.has(id))
    .filter(({ id }) => target.clusters.length === 0 || target.clusters.includes(id))
    .map(({ id: cluster, value: { trustDomain } }) => ({
      cluster,
      ...reported(snapshot.observed.get(cluster), name, versionIn(trustDomain)),
    }));
}

function reported(
  record: ClusterRecord | undefined,
  name: string,
  version: string | undefined,
): Pick<Applied, 'state' | 'message' | 'proxies'> {
  const refusal = record?.refused.get(refusalName('policy', name));
  const applied = record?.applied.get(formatSubject('policy', name));
  const said = applied?.version === version ? applied : undefined;
  // A refusal that the agent reports says what is in force instead.
  if (refusal && refusal.version === version && said?.state !== 'REJECTED')
    return { state: 'REJECTED', message: `the cluster’s agent: ${refusal.reason}`, proxies: 0 };
  const behind = record && said && replicaBehind(record, 'policy', name, said.version);
  if (behind && said.state === 'APPLIED')
    return { state: 'PENDING', message: isBehind(behind), proxies: said.proxies };
  return said ?? { state: 'PENDING', message: '', proxies: 0 };
}
