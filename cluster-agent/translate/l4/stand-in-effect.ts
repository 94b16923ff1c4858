import type { StandIn } from '@isthmus/api/kubernetes/policy-stand-in.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import { reducePolicy } from './reduce-policy.ts';

/** What a stand-in means for connections; undefined where it denies nothing, so that it need not be in force. */
export function standInEffect(standIn: StandIn): string | undefined {
  const whom = describeSelected(standIn);
  if (standIn.kind === 'PeerAuthentication')
    return `it stands as STRICT: ${whom} refuse plaintext on every port`;
  if (standIn.action === 'ALLOW')
    return `it stands as an ALLOW without rules: ${whom} refuse every connection that no other ALLOW allows`;
  const { rules } = reducePolicy(standIn);
  if (rules.length === 0) return undefined;
  return rules.some((rule) => rule.length === 0)
    ? `it stands as a DENY of everything: ${whom} refuse every connection`
    : `it stands as a DENY of whatever its readable parts match: ${whom} may refuse more than is written`;
}

function describeSelected({ selector, metadata: { namespace } }: StandIn): string {
  const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  const whom = labels.length > 0 ? `workloads with ${labels.join(',')}` : 'all workloads';
  return `${whom} of ${namespace === rootNamespace ? 'every namespace' : `the namespace ${namespace}`}`;
}
