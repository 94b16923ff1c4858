import { isServedBy, type ProxyPlace } from '@isthmus/mesh/decide/serving.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { LocalPod } from './capture.ts';

const placeOf = ({ mode, node, cluster, namespace, podName }: ProxyConfig): ProxyPlace => ({
  mode,
  node,
  cluster,
  namespace,
  pod: podName,
});

/** The pods that this proxy serves. */
export function localWorkloads(state: MeshState, config: ProxyConfig): readonly Workload[] {
  const place = placeOf(config);
  return state.workloads.onNode(config.node).filter((one) => isServedBy(one, place));
}

/**
 * The workload of a pod, if this proxy serves it. Where the state has a pod of that name which runs as another account, it is
 * of the pod before, and whose identity is not this one's.
 */
export function localWorkload(state: MeshState, config: ProxyConfig, pod: LocalPod): Workload | undefined {
  const found =
    pod.kind === 'uid'
      ? state.workloads.get(pod.uid)
      : state.workloads.atAddress(config.network, pod.address);
  if (!found || !isServedBy(found, placeOf(config))) return undefined;
  const account = pod.kind === 'uid' ? pod.serviceAccount : undefined;
  return account === undefined || account === found.serviceAccount ? found : undefined;
}
