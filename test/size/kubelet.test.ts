import { objectId, type PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { Kubelet } from '@isthmus/cluster-agent/source/files/kubelet.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { viewOf } from '../fakes/cluster.ts';
import { assertScales, type Work } from './doubled.ts';

const [aPod] = viewOf(`
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: shop }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{}] }
`).pods();

/** Pods of a cluster of files, more than its block has addresses for: what is looked at is counted. */
class Pods {
  readonly #kubelet: Kubelet;
  #visits = 0;

  constructor() {
    const clock = new FakeClock();
    const file = { read: () => undefined, write: () => undefined };
    this.#kubelet = new Kubelet({
      allocations: new Allocations({ file, block: '127.64.16.0/20', clock, log: silentLog }),
      ask: () => Promise.resolve(true),
      clock,
      emit: () => undefined,
      onAnswer: () => undefined,
    });
  }

  counted(events: readonly SourceEvent[]): number {
    const before = this.#visits;
    this.#kubelet.enrich(events);
    return this.#visits - before;
  }

  /** Code that looks at a pod reads its metadata. */
  upsert(i: number, labels: Record<string, string> = {}): SourceEvent {
    const metadata = { ...aPod!.metadata, name: `p-${i}`, uid: `u-${i}`, labels };
    const object = Object.defineProperty<PodObject>({ ...aPod!, metadata }, 'metadata', {
      enumerable: true,
      get: () => {
        this.#visits++;
        return metadata;
      },
    });
    return { type: 'upsert', id: objectId('Pod', metadata), object };
  }
}

function workOf(count: number): Work {
  const pods = new Pods();
  return {
    firstSync: pods.counted(Array.from({ length: count }, (_, i) => pods.upsert(i))),
    change: pods.counted([pods.upsert(7, { app: 'cart' })]),
  };
}

describe('the size of a cluster of files', () => {
  for (const count of [1_000, 5_000])
    it(`of ${count} pods: a listing looks at twice as many when they are doubled, and a changed file at its own`, () =>
      assertScales(workOf, count));
});
