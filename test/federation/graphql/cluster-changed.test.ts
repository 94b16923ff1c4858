import assert from 'node:assert/strict';
import { clusterChanges } from '../../../federation/graphql/subscriptions/cluster-changed.ts';
import { ShownClusters } from '../../../federation/graphql/subscriptions/shown-clusters.ts';
import { aMember, Federation } from '../../fakes/federation.ts';
import { inShop } from '../../fakes/services.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the subscription clusterChanged', () => {
  let hub: Federation;
  let clusters: ShownClusters;
  const streams: ReturnType<typeof clusterChanges>[] = [];
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    hub.report('east', { services: { cart: 1 } });
    hub.report('west', {});
    await turn();
    clusters = new ShownClusters(hub.live);
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) void stream.return?.();
    hub.end();
  });

  /** A subscriber that reads at once, and what it has got since it was asked last. */
  const subscriber = (name?: string) => {
    const stream = clusterChanges(clusters, name);
    streams.push(stream);
    const got: string[] = [];
    void (async () => {
      for await (const { name: cluster, state } of stream) got.push(`${cluster} ${state}`);
    })();
    return async () => {
      await turn();
      await turn();
      return got.splice(0);
    };
  };
  const step = (cluster: string, over: object) =>
    hub.observations.update(cluster, (one) => ({ ...one, ...over }));

  it('gives each cluster once, and then those that change', async () => {
    const got = subscriber();
    assert.deepEqual(await got(), ['east ACTIVE', 'west ACTIVE']);
    step('east', { link: { kind: 'UNREACHABLE', since: 5 }, synced: false });
    assert.deepEqual(await got(), ['east UNREACHABLE']);
    await hub.put(aMember('west', { drainPercent: 100 }));
    assert.deepEqual(await got(), ['west DRAINED']);
  });

  it('gives only the one that it was asked for', async () => {
    const got = subscriber('west');
    step('east', { proxiesConnected: 7 });
    assert.deepEqual(await got(), ['west ACTIVE']);
    await hub.put(aMember('north'));
    assert.deepEqual(await got(), []);
  });

  it('gives nothing for what is not shown: ages, endpoint counts, acknowledgements', async () => {
    const got = subscriber();
    await got();
    step('east', { asOf: 99, clockSkewMillis: 400 });
    const cart = hub.now.observed.get('east')!.services.get(inShop('cart'))!;
    step('east', { services: new Map([['shop/cart', { ...cart, groups: [] }]]) });
    step('east', { asOf: 100 });
    const applied = { subject: 'policy/p', version: 'v', state: 'APPLIED', message: '', proxies: 1 };
    step('east', { applied: new Map([['policy/p', applied]]) });
    assert.deepEqual(await got(), []);
    step('east', { clockSkewMillis: 31_000 });
    assert.deepEqual(await got(), ['east ACTIVE']);
    step('east', { clockSkewMillis: 31_100 });
    assert.deepEqual(await got(), []);
  });

  it('gives a later subscriber the ages of now, without a new view', async () => {
    await subscriber()();
    step('east', { asOf: 99, clockSkewMillis: 400 });
    for await (const { asOf, clockSkewMillis, staleness } of clusterChanges(clusters, 'east')) {
      assert.deepEqual([asOf, clockSkewMillis, staleness.asOf, clusters.made], [99, 400, 99, 2]);
      break;
    }
  });

  it('gives a cluster whose conditions change by what is said of its services', async () => {
    await hub.put(aMember('east', { namespaces: ['pay'] }));
    const got = subscriber();
    await got();
    hub.report('east', { services: { cart: 1, pay: 1 } });
    assert.deepEqual((await got()).length > 0, true);
    step('east', { services: new Map(hub.now.observed.get('east')?.services) });
    assert.deepEqual(await got(), []);
  });

  it('gives a cluster that was removed again when it comes back', async () => {
    const got = subscriber();
    await got();
    await hub.remove('cluster', 'west');
    assert.deepEqual(await got(), []);
    await hub.put(aMember('west'));
    assert.deepEqual(await got(), ['west UNREACHABLE']);
  });

  it('makes a view once for all subscribers, and none while there is none', async () => {
    const all = [subscriber(), subscriber(), subscriber()];
    for (const got of all) assert.equal((await got()).length, 2);
    assert.equal(clusters.made, 2);
    step('east', { proxiesConnected: 9 });
    for (const got of all) assert.deepEqual(await got(), ['east ACTIVE']);
    assert.equal(clusters.made, 3);
    for (const stream of streams.splice(0)) await stream.return?.();
    step('east', { proxiesConnected: 10 });
    await turn();
    assert.equal(clusters.made, 3);
  });
});
