import { KubernetesSource } from '@isthmus/cluster-agent/source/kubernetes/kubernetes-source.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { resourceOf } from '../cluster-agent/source/kubernetes/source-world.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../fakes/clock.ts';
import { holds, settled } from '../fakes/turns.ts';
import { assertScales, type Work } from './doubled.ts';

const pods = resourceOf('Pod');
const pod = (i: number, labels: Record<string, string> = {}) => ({
  metadata: { namespace: 'shop', name: `pod-${i}`, labels },
  spec: { containers: [{ name: 'app' }], nodeName: 'n' },
});

/** Objects that are sent to the source, and events that it brings. */
async function workIn(size: number): Promise<Work> {
  const server = new FakeApiServer([pods]);
  for (let i = 0; i < size; i++) server.put(pods, pod(i));
  let work = 0;
  const counted: Pick<FakeApiServer, 'list' | 'watch'> = {
    list: async (...args) => {
      const page = await server.list(...args);
      work += page.items.length;
      return page;
    },
    watch: async (...args) => {
      const events = await server.watch(...args);
      return (async function* () {
        for await (const event of events) {
          work++;
          yield event;
        }
      })();
    },
  };
  const end = new AbortController();
  let isSynced = false;
  const source = new KubernetesSource({
    server: counted,
    clock: new FakeClock(),
    random: systemRandom,
    turn: setImmediate,
    kinds: [{ resource: { ...pods, kind: 'Pod' }, olderVersions: [], mayBeMissing: false, isNeeded: true }],
  });
  const run = source.run((batch) => {
    work += batch.length;
    isSynced ||= batch.some(({ type }) => type === 'synced');
  }, end.signal);
  await holds(() => isSynced);
  await settled();
  const firstSync = work;
  server.put(pods, pod(7, { changed: 'yes' }));
  await settled();
  end.abort();
  await run;
  return { firstSync, change: work - firstSync };
}

describe('the size of a cluster in the Kubernetes API', () => {
  for (const size of [500, 2000])
    it(`of ${size} pods: twice as many take twice the work to list, and a change as much`, async () => {
      const [once, twice] = [await workIn(size), await workIn(2 * size)];
      assertScales((one) => (one === size ? once : twice), size);
    });
});
