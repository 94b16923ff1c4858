import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';

/** The uid of a pod's workload, as Istio's control plane makes it. */
export const podUid = (cluster: string, { metadata }: PodObject): string =>
  `${cluster}//Pod/${metadata.namespace}/${metadata.name}`;
