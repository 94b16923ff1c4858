import { setTimeout as pause } from 'node:timers/promises';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import type { ChangingPod, ChangingPods, Flipped } from '../agent/changing-pods.ts';
import { outsideNamespace, probedPod, probedUid } from '../agent/cluster.ts';
import { now } from '../now.ts';
import { resourceOf, statusOf } from './populate.ts';

type Patched = ChangingPod & { readonly name: string };

export interface Patches extends Flipped {
  /** Milliseconds until the API server had answered each patch. */
  readonly answered: readonly number[];
}

/** Pods that become ready and unready as a kubelet would report it: by a patch of their status. */
export class PatchedPods {
  readonly #changing: ChangingPods;
  readonly #server: Pick<ApiServer, 'patch'>;
  readonly #pods: readonly Patched[];

  constructor(changing: ChangingPods, server: Pick<ApiServer, 'patch'>, count: number) {
    this.#changing = changing;
    this.#server = server;
    this.#pods = Array.from({ length: count }, (_, i) => changing.add(probedUid(i), { name: probedPod(i) }));
  }

  /**
   * So many pods change once a second each, one after another, for `millis`; one that is not yet at all clients as it is
   * changes a second later. Times run from the sending of the patch. Rejects when the API server refuses one.
   */
  async flip(pods: number, clients: number, millis: number): Promise<Patches> {
    const some = this.#pods.slice(0, pods);
    // What is measured is not the opening of connections to the API server.
    await Promise.all(some.map((pod) => this.#patch(pod)));
    const answered: number[] = [];
    const started = now();
    const flipped = await this.#changing.during(some, clients, () =>
      Promise.all(
        some.map(async (pod, i) => {
          for (let at = started + (1000 * i) / pods; at < started + millis; at += 1000) {
            await pause(Math.max(0, at - now()));
            if (pod.missing.size > 0) continue;
            this.#changing.change(pod);
            await this.#patch(pod);
            answered.push(now() - pod.at);
          }
        }),
      ),
    );
    return { ...flipped, answered };
  }

  async #patch({ name, ready }: Patched): Promise<void> {
    const place = { namespace: outsideNamespace, name, subresource: 'status' } as const;
    await this.#server.patch(resourceOf('Pod'), place, { how: 'merge' }, { status: statusOf(ready) });
  }
}
