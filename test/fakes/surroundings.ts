import { unknownModeOf } from '@isthmus/cluster-agent/health/mode-labels.ts';
import type { ClusterIdentity } from '@isthmus/cluster-agent/view/cluster-identity.ts';
import type { Surroundings } from '@isthmus/cluster-agent/health/surroundings.ts';
import { podUid } from '@isthmus/cluster-agent/keys/names.ts';
import { identityOf } from '@isthmus/cluster-agent/translate/identity.ts';
import type { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';

/** What a pod's health rests on, without anything that is derived. */
export const surroundingsOf = (
  view: ClusterView,
  { cluster, trustDomain }: ClusterIdentity,
): Surroundings => ({
  hasNode: (name) => view.get('Node', '', name) !== undefined,
  nodeProxies: (node) => view.nodeProxies(node),
  part: (pod) => (view.isGateway(pod) ? 'GATEWAY' : modeOf(view, pod)),
  unknownMode: (pod) => unknownModeOf(view, pod),
  identity: (pod) => identityOf(trustDomain, pod),
  workloadUid: (pod) => podUid(cluster, pod),
});
