/** `<cluster>//Pod/<namespace>/<name>`: a pod's workload, as Istio's control plane names it. `pod`: `<namespace>/<name>`. */
export const formatPodUid = (cluster: string, pod: string): string => `${cluster}//Pod/${pod}`;

/** Whether a workload is a pod. Others are `<cluster>/<group>/<kind>/...`, or gateways of other networks. */
export const isPodUid = (uid: string): boolean => uid.startsWith('//Pod/', uid.indexOf('/'));

/** The cluster of a workload that an agent has made a uid for. */
export const clusterOfUid = (uid: string): string => uid.slice(0, Math.max(0, uid.indexOf('/')));
