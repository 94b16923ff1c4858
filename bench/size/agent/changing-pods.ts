import { setTimeout as pause } from 'node:timers/promises';
import { now } from '../now.ts';

/** A pod that becomes ready and unready. */
export interface ChangingPod {
  /** The name of its workload. */
  readonly workload: string;
  ready: boolean;
  /** When it changed last, and the proxies that have not got that. */
  at: number;
  readonly missing: Set<number>;
}

export interface Flipped {
  /** Milliseconds from each change until each proxy had it. */
  readonly times: readonly number[];
  readonly changes: number;
}

/** Pods whose readiness changes at instants that are known, and the proxies that have not got the last change. */
export class ChangingPods {
  readonly #patienceMillis: number;
  readonly #pods = new Map<string, ChangingPod>();
  #clients = 0;
  #times: number[] = [];
  #changes = 0;

  /** The last change of a pod must reach all proxies within this time. */
  constructor(patienceMillis = 60_000) {
    this.#patienceMillis = patienceMillis;
  }

  /** Keeps a pod that is ready now. */
  add<T extends object>(workload: string, more: T): ChangingPod & T {
    const pod = { workload, ready: true, at: 0, missing: new Set<number>(), ...more };
    this.#pods.set(workload, pod);
    return pod;
  }

  has(workload: string): boolean {
    return this.#pods.has(workload);
  }

  /** A proxy has got it. */
  arrived(workload: string, client: number, ready: boolean, at: number): void {
    const pod = this.#pods.get(workload);
    if (pod?.ready === ready && pod.missing.delete(client)) this.#times.push(at - pod.at);
  }

  /** It changes now, which all proxies are to get. */
  change(pod: ChangingPod): void {
    pod.ready = !pod.ready;
    pod.at = now();
    this.#changes++;
    for (let client = 0; client < this.#clients; client++) pod.missing.add(client);
  }

  /** What becomes of the changes that `run` makes of these pods. Rejects when one does not arrive, or there are none. */
  async during(pods: readonly ChangingPod[], clients: number, run: () => Promise<unknown>): Promise<Flipped> {
    this.#clients = clients;
    this.#times = [];
    this.#changes = 0;
    await run();
    await allArrived(pods, this.#patienceMillis);
    if (this.#changes === 0) throw new Error('no pod has changed');
    return { times: this.#times, changes: this.#changes };
  }
}

async function allArrived(pods: readonly ChangingPod[], patienceMillis: number): Promise<void> {
  const until = now() + patienceMillis;
  for (;;) {
    const late = pods.find(({ missing }) => missing.size > 0);
    if (!late) return;
    if (now() > until)
      throw new Error(
        `a change of ${late.workload} has not reached ${late.missing.size} clients within ${patienceMillis / 1000} s`,
      );
    await pause(10);
  }
}
