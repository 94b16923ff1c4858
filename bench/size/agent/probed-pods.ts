import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { now } from '../now.ts';
import { probedUid, probePort } from './manifests.ts';

interface Probed {
  ready: boolean;
  changes: boolean;
  /** It changes with each probe, and nothing is timed. */
  flaps: boolean;
  /** When it changed last, and the proxies that have not got that. */
  at: number;
  readonly missing: Set<number>;
}

export interface Flipped {
  readonly times: readonly number[];
  readonly changes: number;
}

/** Applications that become ready and unready: by their answer to a probe, a pod changes at an instant that is known. */
export class ProbedPods {
  readonly #pods = new Map<string, Probed>();
  #clients = 0;
  #times: number[] = [];
  #changes = 0;

  async listen({ index, address }: { readonly index: number; readonly address: string }): Promise<void> {
    const pod: Probed = { ready: true, changes: false, flaps: false, at: 0, missing: new Set() };
    this.#pods.set(probedUid(index), pod);
    const server = createServer((_request, response) => {
      if (pod.flaps) pod.ready = !pod.ready;
      else if (pod.changes && pod.missing.size === 0) this.#change(pod);
      response.writeHead(pod.ready ? 200 : 503).end();
    });
    await once(server.listen(probePort, address), 'listening');
  }

  has(workload: string): boolean {
    return this.#pods.has(workload);
  }

  arrived(workload: string, client: number, ready: boolean, at: number): void {
    const pod = this.#pods.get(workload);
    if (pod?.ready === ready && pod.missing.delete(client)) this.#times.push(at - pod.at);
  }

  /** A pod changes with its next probe once all proxies have its last change. */
  async flip(pods: number, clients: number, millis: number): Promise<Flipped> {
    this.#clients = clients;
    this.#times = [];
    this.#changes = 0;
    const some = this.#between(0, pods);
    for (const pod of some) pod.changes = true;
    await pause(millis);
    for (const pod of some) pod.changes = false;
    while (some.some(({ missing }) => missing.size > 0)) await pause(10);
    return { times: this.#times, changes: this.#changes };
  }

  /** Whether the pods of these numbers change with each probe. */
  flap(from: number, to: number, flaps: boolean): void {
    for (const pod of this.#between(from, to)) pod.flaps = flaps;
  }

  #between(from: number, to: number): readonly Probed[] {
    return Array.from({ length: to - from }, (_, i) => this.#pods.get(probedUid(from + i))).filter(
      (pod) => pod !== undefined,
    );
  }

  #change(pod: Probed): void {
    pod.ready = !pod.ready;
    pod.at = now();
    this.#changes++;
    for (let client = 0; client < this.#clients; client++) pod.missing.add(client);
  }
}
