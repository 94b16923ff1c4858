import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Capture, LocalPod } from '../capture/capture.ts';
import { localWorkload } from '../capture/local-workload.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { PodWaiters } from './pod-waiters.ts';

const patience = 5000;

export interface KnownPodDeps {
  readonly clock: Clock;
  readonly config: ProxyConfig;
  readonly state: MeshState;
  readonly capture: Pick<Capture, 'explainCaller'>;
  readonly podWaiters: PodWaiters;
}

/** The workload of a local pod; one that has just started may not be known for a moment. */
export async function knownPod(deps: KnownPodDeps, pod: LocalPod): Promise<Workload | undefined> {
  const { state, config, clock, capture, podWaiters } = deps;
  const look = () => localWorkload(state, config, pod);
  const until = clock.monotonic() + patience;
  let found = look();
  while (!found && capture.explainCaller(pod) === undefined && clock.monotonic() < until) {
    await podWaiters.wait(pod, until - clock.monotonic());
    found = look();
  }
  return found;
}
