import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { formatWorkloadIdentity, workloadIdentity, type SpiffeId } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { ClusterIdentity } from '../cluster-identity.ts';
import { podUid } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { modeOf, type Mode } from '../view/mode.ts';
import { unknownModeOf, type UnknownMode } from './mode-labels.ts';

/** What of the cluster, beside the pod itself, its health rests on. */
export interface Surroundings {
  hasNode(name: string): boolean;
  /** The ztunnels of a node; more than one while one replaces another. */
  nodeProxies(node: string): readonly PodObject[];
  /** How the pod takes part in the mesh. */
  part(pod: PodObject): Mode | 'GATEWAY';
  unknownMode(pod: PodObject): UnknownMode | undefined;
  /** The SPIFFE ID that its proxy shows for it. */
  identity(pod: PodObject): SpiffeId;
  /** Under which its proxy knows it. */
  workloadUid(pod: PodObject): string;
}

export function surroundingsOf(view: ClusterView, { cluster, trustDomain }: ClusterIdentity): Surroundings {
  return {
    hasNode: (name) => view.get('Node', '', name) !== undefined,
    nodeProxies: (node) => view.nodeProxies(node),
    part: (pod) => (view.isGateway(pod) ? 'GATEWAY' : modeOf(view, pod)),
    unknownMode: (pod) => unknownModeOf(view, pod),
    identity: ({ metadata, serviceAccount }) =>
      formatWorkloadIdentity(workloadIdentity(trustDomain, metadata.namespace, serviceAccount)),
    workloadUid: (pod) => podUid(cluster, pod),
  };
}
