import assert from 'node:assert/strict';
import { objectId, type ClusterObject, type PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { proxyTypes } from '@isthmus/api/wire/type-urls.ts';
import { IncrementalTranslation } from '@isthmus/cluster-agent/publish/incremental-translation.ts';
import { Publisher } from '@isthmus/cluster-agent/publish/publisher.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import type { Delta } from '@isthmus/cluster-agent/publish/delta.ts';
import { podUid, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { Pipeline } from '@isthmus/cluster-agent/translate/pipeline.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { HubResources } from '@isthmus/cluster-agent/view/hub-resources.ts';
import { ClientView } from '@isthmus/cluster-agent/xds/client-view.ts';
import { EncodeCache } from '@isthmus/cluster-agent/xds/encode.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { FakeClock } from '../fakes/clock.ts';
import { objectsOf, provenWhenReady } from '../fakes/cluster.ts';
import { anAuthorization } from '../fakes/records.ts';
import { CountedQueries } from './counted-queries.ts';

const innocents = 100;

const pod = (name: string, { app = name, ready = true } = {}) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, uid: u-${name}, labels: { app: ${app} } }
spec: { nodeName: n1, serviceAccountName: app, containers: [{}] }
status: { podIP: 10.0.0.7, conditions: [{ type: Ready, status: '${ready ? 'True' : 'False'}' }] }
`;

const service = (name: string, port = 80) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: ${port}, targetPort: 8080 }] }
`;

const one = (text: string): ClusterObject => {
  const [object] = objectsOf(text).values() as Iterable<ClusterObject>;
  assert.ok(object);
  return object;
};

/** So many pods, made of one, as reading YAML is slow. */
function podsOf(app: string, count: number): readonly ClusterObject[] {
  const first = one(pod(app));
  return Array.from({ length: count }, (_, i): ClusterObject => {
    const name = `${app}-${i}`;
    return { ...first, metadata: { ...first.metadata, name, uid: name, labels: { app } } };
  });
}

/** What passes from a change to the response that has it. */
interface Passed {
  readonly turns: number;
  readonly millis: number;
  readonly evaluations: number;
  readonly bytes: number;
}

/** An agent from its view of the cluster to one proxy, which answers at once. */
class Agent {
  readonly clock = new FakeClock();
  readonly queries = new CountedQueries();
  readonly #view = new ClusterView();
  readonly #hub = new HubResources();
  readonly pipeline: Pipeline;
  readonly #publisher: Publisher;
  readonly #turns: (() => void)[] = [];
  readonly #client = new ClientSession(proxyTypes);
  readonly #proxy: ClientView;
  readonly #session: ServerSession;
  #records: AudienceRecords | undefined;
  /** Bytes of bodies that were sent. */
  bytes = 0;
  resources = 0;
  /** Waits to be sent. */
  #awaited: string | undefined;
  #passed: Omit<Passed, 'turns' | 'millis'> | undefined;

  constructor(...objects: readonly ClusterObject[]) {
    const facts = {
      cluster: 'east',
      trustDomain: defaultTrustDomain,
      now: () => this.clock.now(),
      upstreamZtunnels: new Set<string>(),
      capture: 'PROXY' as const,
      health: { judge: (one: PodObject) => provenWhenReady.of(one), restingOn: () => [], take: () => [] },
    };
    this.pipeline = new Pipeline({
      view: this.queries.of(this.#view, 'policies'),
      hub: this.queries.of(this.#hub),
      facts,
    });
    this.#proxy = new ClientView(
      {
        id: 'ztunnel/istio-system/z' as ClientId,
        kind: 'ztunnel',
        namespace: 'istio-system',
        pod: 'z',
        key: 'istio-system/z',
        nodeName: 'n1',
        version: '1',
        upstreamVersion: '',
      },
      new EncodeCache((_type, failure) => assert.fail(failure)),
      undefined,
    );
    this.#session = new ServerSession({
      types: proxyTypes,
      lookup: (type) => ({
        resources: this.#proxy.resources(type),
        systemVersion: { epoch: 1n, revision: 1n },
        complete: this.#records !== undefined,
      }),
      firstBytes: 256 * 1024,
      bulkBytes: 64 * 1024,
    });
    for (const request of this.#client.open()) this.#session.request(request);
    this.#publisher = new Publisher(
      new IncrementalTranslation(this.pipeline, () => undefined),
      [{ published: (delta, snapshot) => this.#show(delta, snapshot) }],
      { epoch: 1n, clock: this.clock, turn: (run) => this.#turns.push(run) },
    );
    this.#view.apply([...objects.map(upsert), { type: 'synced' }]);
    this.#publisher.open();
    this.settle();
  }

  apply(...objects: readonly ClusterObject[]): void {
    this.#publisher.touch(this.#view.apply(objects.map(upsert)));
  }

  applyPolicy(): void {
    const changes = new ChangeSet();
    this.#hub.set('policy', 'all', everything, changes);
    this.#publisher.touch(changes);
  }

  get evaluations(): number {
    return [...this.pipeline.evaluations.values()].reduce((sum, count) => sum + count, 0);
  }

  get isIdle(): boolean {
    return this.#turns.length === 0;
  }

  turn(): void {
    this.#turns.shift()?.();
  }

  settle(): void {
    while (!this.isIdle) this.turn();
  }

  /** A second passes, so that nothing that comes next repeats what was. */
  async rest(): Promise<void> {
    for (let i = 0; i < 100; i++) {
      await this.clock.advance(10);
      this.settle();
    }
  }

  /** An innocent pod becomes ready or is no longer. `beside`: what changes in the same turn. */
  async innocent(i: number, ready: boolean, beside: readonly ClusterObject[] = []): Promise<Passed> {
    const name = `good-${i}`;
    this.#awaited = podUid('east', { metadata: { namespace: 'shop', name } });
    this.#passed = undefined;
    const [evaluations, bytes] = [this.evaluations, this.bytes];
    this.apply(...beside, one(pod(name, { ready })));
    let [turns, millis] = [0, 0];
    for (; ; turns++) {
      while (this.isIdle) {
        await this.clock.advance(1);
        assert.ok(millis++ < 1000, `${name} is not published within a second`);
      }
      this.turn();
      const passed = this.#passed as Omit<Passed, 'turns' | 'millis'> | undefined;
      if (!passed) continue;
      return {
        turns: turns + 1,
        millis,
        evaluations: passed.evaluations - evaluations,
        bytes: passed.bytes - bytes,
      };
    }
  }

  /** A change of another innocent pod costs at most twice the usual; it comes 10 ms after the one before. */
  async assertUsual(usually: Passed, i: number, beside: readonly ClusterObject[] = []): Promise<void> {
    await this.clock.advance(10);
    assertTwice(usually, await this.innocent(i, false, beside));
  }

  #show(delta: Delta, snapshot: ClusterSnapshot): void {
    if (this.#records) {
      const { urgent, bulk } = this.#records.take(delta, snapshot);
      for (const type of proxyTypes) {
        this.#session.changed(type, urgent.get(type) ?? []);
        this.#session.changed(type, bulk.get(type) ?? [], 'bulk');
      }
    } else {
      this.#records = new AudienceRecords('mesh', snapshot);
      this.#proxy.projection = this.#records.projection;
      for (const type of proxyTypes) this.#session.changed(type);
    }
    this.#send();
  }

  #send(): void {
    for (let response = this.#session.next(); response; response = this.#session.next()) {
      this.resources += response.resources.length;
      for (const { body } of response.resources) this.bytes += body.length;
      if (response.resources.some(({ name }) => name === this.#awaited)) {
        this.#passed ??= { evaluations: this.evaluations, bytes: this.bytes };
      }
      this.#session.request(this.#client.response(response, () => []));
    }
  }
}

const upsert = (object: ClusterObject) => ({
  type: 'upsert' as const,
  id: objectId(object.kind, object.metadata),
  object,
});

/** A policy of the hub for every pod of the namespace. */
const everything = {
  name: 'all',
  revision: 1,
  target: { namespace: 'shop', labels: {} },
  authorization: anAuthorization({ name: 'all', scope: 'WORKLOAD_SELECTOR' }),
};

const good = Array.from({ length: innocents }, (_, i) => [pod(`good-${i}`), service(`good-${i}`)])
  .flat()
  .map(one);

/** What passes when nothing else happens. */
async function usual(...objects: readonly ClusterObject[]): Promise<Passed> {
  const agent = new Agent(...good, ...objects);
  await agent.rest();
  return agent.innocent(innocents - 1, false);
}

function assertTwice(usually: Passed, passed: Passed): void {
  for (const count of ['turns', 'millis', 'evaluations', 'bytes'] as const)
    assert.ok(
      passed[count] <= 2 * usually[count],
      `${count}: ${passed[count]} beside the bad object, ${usually[count]} without it`,
    );
}

describe('what passes from a change of a pod to its delta', () => {
  it('is at most twice the usual while a policy that selects all of 10,000 pods is worked out, and after that', async () => {
    const many = podsOf('many', 10_000);
    const usually = await usual();
    const agent = new Agent(...good, ...many);
    await agent.rest();
    agent.applyPolicy();
    agent.turn();
    assert.notEqual(agent.pipeline.nextPart, undefined);
    let during = 0;
    for (; agent.pipeline.nextPart !== undefined; during++) await agent.assertUsual(usually, during);
    assert.ok(during > 10 && during < innocents, `${during} changes came during the walk`);
    await agent.rest();
    await agent.assertUsual(usually, innocents - 1);
  });

  it('is at most twice the usual while another pod becomes ready and unready 50 times a second', async () => {
    const bad = (ready: boolean) => one(pod('bad', { ready }));
    const usually = await usual();
    const agent = new Agent(...good, bad(true), one(service('bad')));
    await agent.rest();
    for (let i = 0; i < 100; i++) {
      await agent.assertUsual(usually, i, [bad(i % 2 === 0)]);
      await agent.clock.advance(10);
      agent.settle();
    }
  });

  it('is at most twice the usual while a pod of a service with 5,000 endpoints changes', async () => {
    const many = podsOf('many', 5000);
    const usually = await usual();
    const agent = new Agent(...good, ...many, one(service('many')));
    await agent.rest();
    for (let i = 0; i < 20; i++)
      await agent.assertUsual(usually, i, [one(pod(`many-${i}`, { app: 'many', ready: false }))]);
  });

  it('is at most twice the usual while a service with 5,000 endpoints has another port', async () => {
    const usually = await usual();
    const agent = new Agent(...good, ...podsOf('many', 5000), one(service('many')));
    await agent.rest();
    agent.apply(one(service('many', 81)));
    agent.turn();
    let during = 0;
    for (; agent.pipeline.nextPart !== undefined; during++) await agent.assertUsual(usually, during);
    assert.ok(during > 10 && during < innocents, `${during} changes came during the walk`);
  });
});

describe('an endpoint of a service', () => {
  const changing = async (objects: readonly ClusterObject[], changed: ClusterObject) => {
    const agent = new Agent(...objects);
    await agent.rest();
    const before = [agent.evaluations, agent.queries.visits, agent.bytes, agent.resources];
    agent.apply(changed);
    agent.settle();
    const after = [agent.evaluations, agent.queries.visits, agent.bytes, agent.resources];
    return after.map((count, i) => count - (before[i] ?? 0));
  };

  it('costs as many evaluations, objects looked at, bytes and resources with 5,000 others as with 10', async () => {
    const of = (pods: number) =>
      changing(
        [...podsOf('many', pods), one(service('many'))],
        one(pod('many-3', { app: 'many', ready: false })),
      );
    assert.deepEqual(await of(5000), await of(10));
  });

  it('that a slice lists and that is not a pod costs as much with 50 slices as with one', async () => {
    const headless = one(`
apiVersion: v1
kind: Service
metadata: { name: legacy, namespace: shop }
spec: { ports: [{ name: db, port: 15432 }] }
`);
    const slice = (i: number, ready = true) =>
      one(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: legacy-${i}, namespace: shop, labels: { kubernetes.io/service-name: legacy } }
addressType: IPv4
ports: [{ name: db, port: 15432 }]
endpoints: [${Array.from({ length: 100 }, (_, n) => `{ addresses: [10.1.${i}.${n}], conditions: { ready: ${ready || n !== 7} } }`).join(', ')}]
`);
    const of = (slices: number) =>
      changing([headless, ...Array.from({ length: slices }, (_, i) => slice(i))], slice(0, false));
    const fifty = await of(50);
    assert.deepEqual(fifty, await of(1));
    assert.equal(fifty.at(-1), 1, 'one resource is sent');
  });
});
