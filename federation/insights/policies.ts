import { policyStatus, type PolicyStatus } from '../policy/status.ts';
import type { Now } from '../state/now.ts';
import { finding, type Finding } from './finding.ts';

/** Access policies that are not in force everywhere where they are meant to be. */
export const ofPolicies = (snapshot: Now): readonly Finding[] =>
  [...snapshot.intent.accessPolicies.values()].flatMap((stored) =>
    policyStatus(snapshot, stored).flatMap((status) =>
      notApplied(stored.value.name, stored.value.target.namespace, status),
    ),
  );

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
