import type { Pods } from './node-authorizer.ts';
import type { ClusterView } from '../view/cluster-view.ts';

/** The view as the node authorizer asks it. */
export const podsOf = (view: ClusterView): Pods => ({
  get synced() {
    return view.synced;
  },
  pod(namespace, name) {
    const pod = view.get('Pod', namespace, name);
    return pod && !pod.finished
      ? { uid: pod.metadata.uid, node: pod.nodeName, serviceAccount: pod.serviceAccount }
      : undefined;
  },
  isNodeProxyAccount: (namespace, serviceAccount) => view.isNodeProxyAccount(namespace, serviceAccount),
  runsOn: (node, namespace, serviceAccount) => view.runsOn(node, namespace, serviceAccount),
});
