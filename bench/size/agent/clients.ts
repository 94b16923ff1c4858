import { answer } from '../peer-process.ts';
import { ChangingPods } from './changing-pods.ts';
import { ProbedPods } from './probed-pods.ts';
import { Streams } from './streams.ts';

// The xDS clients of an agent, and the applications that it probes.

const changing = new ChangingPods();
const probed = new ProbedPods(changing);
const streams = new Streams(changing);

const api = {
  ...streams.api,

  /** Pods that are asked once a second change with each answer, or no more. */
  flap: ({ from, to, flaps }: { readonly from: number; readonly to: number; readonly flaps: boolean }) =>
    probed.flap(from, to, flaps),

  /** Listens for the probes of pod number `index`, at the pod's address. */
  probe: (pod: { readonly index: number; readonly address: string }) => probed.listen(pod),

  /** Milliseconds from each change of a pod until each proxy had it, for `millis`, while each pod changes once a second. */
  flip: ({ pods, millis }: { readonly pods: number; readonly millis: number }) =>
    probed.flip(pods, streams.count, millis),
};

export type ClientsApi = typeof api;

answer(api);
