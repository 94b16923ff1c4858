import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { KubernetesSource } from '@isthmus/cluster-agent/source/kubernetes/kubernetes-source.ts';
import { kubernetesRuntime } from '@isthmus/cluster-agent/source/kubernetes/runtime.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeApiServer } from '../../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { builtInKinds } from './source-world.ts';

describe('the runtime of a cluster in Kubernetes', () => {
  it('names the kinds that were not listed, with the verb that the role lacks', async () => {
    const clock = new FakeClock();
    const server = new FakeApiServer(builtInKinds);
    server.before = ({ verb, of }) =>
      verb === 'list' && typeof of !== 'string' && of.kind === 'Pod'
        ? new ApiFailure('API_FORBIDDEN', 'pods is forbidden', { status: 403 })
        : undefined;
    const end = new AbortController();
    const source = new KubernetesSource({ server, clock, random: systemRandom, turn: setImmediate });
    const silent = { conditions: () => [] };
    const runtime = kubernetesRuntime(
      {
        source,
        reviews: { ...silent, authenticate: () => Promise.reject(new Error('nobody calls')) },
        kept: silent,
        lease: silent,
        allocations: {
          ...silent,
          get: () => undefined,
          services: () => [],
          want: () => undefined,
          drop: () => undefined,
        },
        leads: () => true,
        server,
      },
      { view: undefined as never, hub: undefined as never, clock },
    );
    assert.match(runtime.unlisted(), /^the API server has not listed Namespace, .*Pod.* yet$/);
    const run = source.run(() => undefined, end.signal);
    await clock.advance(60_000);
    assert.match(
      runtime.unlisted(),
      /^the API server has not listed Pod yet \(Pod objects are not read: .*list and watch on pods/,
    );
    assert.deepEqual(
      runtime.conditions().map(({ reason }) => reason),
      ['KIND_FORBIDDEN'],
    );
    end.abort();
    await run;
  });
});
