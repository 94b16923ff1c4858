import {
  policyOrder,
  type PoliciesAnswer,
  type PoliciesQuestion,
  type PolicySummary,
  type PolicyVerdict,
} from '@isthmus/api/domain/question.ts';
import { parseObjectId } from '@isthmus/api/kubernetes/objects.ts';
import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { OwnCoverage } from '../coverage/own-coverage.ts';
import type { OwnPolicy } from '../coverage/own-policies.ts';
import { policyConditions } from '../coverage/policy-conditions.ts';
import { statedPolicy, type PolicyName, type PolicyStates } from '../coverage/policy-state.ts';
import type { ClusterView } from '../view/cluster-view.ts';

interface From extends PolicyStates {
  readonly view: Pick<ClusterView, 'all' | 'byId' | 'rejections'>;
  readonly coverage: Pick<OwnCoverage, 'progress'>;
}

/** One page of this cluster's own security policies, also of those that are refused, ordered by kind, namespace and name. */
export function answerPolicies(from: From, { namespace, first, after }: PoliciesQuestion): PoliciesAnswer {
  const all = namesIn(from.view, namespace);
  const rest = [...all.keys()].filter((order) => order > after).sort();
  const page = rest.slice(0, Math.min(first, 1000));
  return {
    kind: 'policies',
    total: all.size,
    hasNext: rest.length > page.length,
    policies: page.flatMap((order) => {
      const named = all.get(order);
      return named ? summary(named, from) : [];
    }),
  };
}

const kinds = ['AuthorizationPolicy', 'PeerAuthentication'] as const;

/** By their order. Of one that is refused from the start there is no object, only what was refused. */
function namesIn(view: From['view'], namespace: string): ReadonlyMap<string, PolicyName> {
  const names = new Map<string, PolicyName>();
  const add = (named: PolicyName) => {
    if (namespace === '' || named.namespace === namespace) names.set(policyOrder(named), named);
  };
  for (const kind of kinds) for (const { metadata } of view.all(kind)) add({ kind, ...metadata });
  for (const origin of view.rejections.origins()) {
    const named = parseObjectId(origin);
    const kind = kinds.find((one) => one === named?.kind);
    if (named && kind) add({ ...named, kind });
  }
  return names;
}

function summary(named: PolicyName, from: From): readonly PolicySummary[] {
  const stated = statedPolicy(named, from);
  if (!stated) return [];
  const [accepted, enforced] = policyConditions(stated.state);
  const { kind, namespace, name } = named;
  return [
    {
      kind,
      namespace,
      name,
      action: stated.policy ? actionOf(stated.policy) : '',
      selector: { ...stated.policy?.selector },
      accepted: verdict(accepted),
      enforced: verdict(enforced),
    },
  ];
}

const actionOf = (policy: OwnPolicy): string =>
  policy.kind === 'AuthorizationPolicy' ? policy.action : policy.mode;

const verdict = ({ status, reason, message }: Wanted): PolicyVerdict => ({ status, reason, message });
