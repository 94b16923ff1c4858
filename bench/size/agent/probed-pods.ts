import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChangingPod, ChangingPods, Flipped } from './changing-pods.ts';
import { probedUid } from './cluster.ts';
import { probePort } from './manifests.ts';

interface Probed extends ChangingPod {
  changes: boolean;
  /** It changes with each probe, and nothing is timed. */
  flaps: boolean;
}

/** Applications that become ready and unready: by their answer to a probe, a pod changes at an instant that is known. */
export class ProbedPods {
  readonly #changing: ChangingPods;
  readonly #pods = new Map<number, Probed>();

  constructor(changing: ChangingPods) {
    this.#changing = changing;
  }

  async listen({ index, address }: { readonly index: number; readonly address: string }): Promise<void> {
    const pod: Probed = this.#changing.add(probedUid(index), { changes: false, flaps: false });
    this.#pods.set(index, pod);
    const server = createServer((_request, response) => {
      if (pod.flaps) pod.ready = !pod.ready;
      else if (pod.changes && pod.missing.size === 0) this.#changing.change(pod);
      response.writeHead(pod.ready ? 200 : 503).end();
    });
    await once(server.listen(probePort, address), 'listening');
  }

  /** A pod changes with its next probe once all proxies have its last change. */
  flip(pods: number, clients: number, millis: number): Promise<Flipped> {
    const some = this.#between(0, pods);
    return this.#changing.during(some, clients, async () => {
      for (const pod of some) pod.changes = true;
      await pause(millis);
      for (const pod of some) pod.changes = false;
    });
  }

  /** Whether the pods of these numbers change with each probe. */
  flap(from: number, to: number, flaps: boolean): void {
    for (const pod of this.#between(from, to)) pod.flaps = flaps;
  }

  #between(from: number, to: number): readonly Probed[] {
    return Array.from({ length: to - from }, (_, i) => this.#pods.get(from + i)).filter(
      (pod) => pod !== undefined,
    );
  }
}
