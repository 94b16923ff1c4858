import type { ClusterObject, PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ClusterView } from '../../view/cluster-view.ts';
import { isGatewayService } from '../../view/gateways.ts';
import { modeOf } from '../../view/mode.ts';
import type { Listening } from './place.ts';

/**
 * Where pods listen, by their mode. A captured pod's address is its proxy's, and so are a proxy's own pod's: it has its
 * pages at the application address.
 */
export function listeningIn(view: ClusterView): (pod: PodObject) => Listening {
  return (pod) => {
    const isProxy = view.isNodeProxy(pod) || view.isGateway(pod);
    if (isProxy || modeOf(view, pod) !== 'NONE') return { at: 'APPLICATION' };
    return pod.hostNetwork
      ? { at: 'NODE', address: view.get('Node', '', pod.nodeName)?.address ?? '' }
      : { at: 'POD' };
  };
}

/** Whether pods may listen elsewhere when this object comes, changes or goes. */
export const movesPods = (object: ClusterObject): boolean =>
  object.kind === 'Namespace' ||
  object.kind === 'Node' ||
  (object.kind === 'Service' && isGatewayService(object));

/** The pods that may. */
export function podsMovedBy(view: ClusterView, object: ClusterObject): Iterable<PodObject> {
  switch (object.kind) {
    case 'Namespace':
      return view.podsIn(object.metadata.name);
    case 'Node':
      return view.podsOn(object.metadata.name);
    case 'Service':
      return view.selectedBy(object);
    default:
      return [];
  }
}
