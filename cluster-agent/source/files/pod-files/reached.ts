import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { namespaceOf, podKey, type PodKey } from '../../../keys/names.ts';
import type { Touched } from '../../../keys/touched.ts';
import type { ClusterView } from '../../../view/cluster-view.ts';

type View = Pick<ClusterView, 'pods' | 'podsIn' | 'podsOn' | 'podNamed'>;

/** Pods whose files may be others now that this was touched. */
export function* podsReachedBy(touched: Touched, view: View): Iterable<PodKey> {
  switch (touched.kind) {
    case 'pod':
    case 'part':
    case 'verdict':
      yield touched.pod;
      return;
    case 'namespace':
      yield* keysOf(view.podsIn(touched.namespace));
      return;
    case 'service':
    case 'remotes':
      yield* keysOf(view.podsIn(namespaceOf(touched.service)));
      return;
    case 'nodeProxies':
      yield* keysOf(view.podsOn(touched.node));
      return;
    case 'vips':
      yield* podsServedBy(touched.client, view);
      return;
    case 'synced':
      yield* keysOf(view.pods());
      return;
    default:
  }
}

/** Those of its node, and itself. */
function* podsServedBy(proxy: PodKey, view: View): Iterable<PodKey> {
  yield proxy;
  const pod = view.podNamed(proxy);
  if (pod) yield* keysOf(view.podsOn(pod.nodeName));
}

function* keysOf(pods: Iterable<PodObject>): Iterable<PodKey> {
  for (const { metadata } of pods) yield podKey(metadata);
}
