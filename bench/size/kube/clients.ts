import { kubeClient } from '@isthmus/api/kube/client.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ChangingPods } from '../agent/changing-pods.ts';
import { Streams } from '../agent/streams.ts';
import { answer } from '../peer-process.ts';
import { PatchedPods, type Patches } from './patched-pods.ts';

// The xDS clients of an agent, and a kubelet that reports the readiness of pods to the API server.

const changing = new ChangingPods();
const streams = new Streams(changing);
let patched: PatchedPods | undefined;

const api = {
  ...streams.api,

  /** Of the API server, and how many pods change. */
  report: ({ kubeconfig, pods }: { readonly kubeconfig: string; readonly pods: number }): void => {
    patched = new PatchedPods(changing, kubeClient(kubeconfig, systemClock).server, pods);
  },

  /** Milliseconds from each patch until each proxy had it, for `millis`, while each of the pods changes once a second. */
  flip: ({ pods, millis }: { readonly pods: number; readonly millis: number }): Promise<Patches> => {
    if (!patched) throw new Error('there is no API server to report to');
    return patched.flip(pods, streams.count, millis);
  },
};

export type KubeClientsApi = typeof api;

answer(api);
