import type { Workload } from '../records/workload.ts';

/** Where a proxy runs and for whom, as far as that decides which pods it serves. */
export interface ProxyPlace {
  /** shared: all pods of a node; sidecar: one pod; gateway: none. */
  readonly mode: 'shared' | 'gateway' | 'sidecar';
  readonly node: string;
  readonly cluster: string;
  /** Of the proxy's own pod. */
  readonly namespace: string;
  readonly pod: string;
}

/** The pods that a proxy serves: those of its node without a sidecar, or the one whose sidecar it is. */
export function isServedBy(workload: Workload, { mode, node, cluster, namespace, pod }: ProxyPlace): boolean {
  if (mode === 'gateway' || workload.node !== node || workload.cluster !== cluster) return false;
  return mode === 'sidecar'
    ? workload.sidecar && workload.namespace === namespace && workload.name === pod
    : workload.transport === 'hbone' && !workload.sidecar;
}
