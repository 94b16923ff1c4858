import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { SpiffeId } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Mode } from '../view/mode.ts';
import type { UnknownMode } from './mode-labels.ts';

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
