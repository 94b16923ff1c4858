import { policyStatus, type PolicyStatus } from '../conditions/policy-status.ts';
import type { Now } from '../state/now.ts';
import { finding, type Finding } from './finding.ts';

/** Where an access policy is not in force though it is meant to be. */
export function ofPolicy(snapshot: Now, name: string): readonly Finding[] {
  const stored = snapshot.intent.accessPolicies.get(name);
  if (!stored) return [];
  return policyStatus(snapshot, stored).flatMap((status) =>
    notApplied(stored.value.name, stored.value.target.namespace, status),
  );
}

function notApplied(
  name: string,
  namespace: string,
  { cluster, state, message }: PolicyStatus,
): readonly Finding[] {
  const where = { cluster, namespace, object: `AccessPolicy ${name}` };
  switch (state) {
    case 'APPLIED':
      return [];
    case 'REJECTED':
      return [
        finding(
          'ERROR',
          'POLICY_REJECTED',
          where,
          `${cluster} does not enforce policy ${name}: ${message}`,
          'change the policy, or upgrade the agent and the proxies that refuse it',
        ),
      ];
    case 'PENDING':
      return [
        message === ''
          ? finding(
              'WARNING',
              'POLICY_PENDING',
              where,
              `${cluster} has not acknowledged this revision of policy ${name} yet`,
              `wait; if it stays so, check the agent of ${cluster} and its proxies`,
            )
          : finding(
              'ERROR',
              'POLICY_NOT_ENFORCED',
              where,
              `policy ${name} is not enforced everywhere in ${cluster}: ${message}`,
              `check the proxies that are named, and the nodes and pods without one: isthmus workloads ${cluster} --namespace ${namespace}`,
            ),
      ];
  }
}
