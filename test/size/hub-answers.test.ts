import assert from 'node:assert/strict';
import { execute, parse } from 'graphql';
import { simulate, type FailoverRequest } from '@isthmus/federation/failover/plan.ts';
import { withoutAlternative } from '@isthmus/federation/failover/service-groups.ts';
import { apiSchema } from '@isthmus/federation/graphql/schema.ts';
import { ShownClusters } from '@isthmus/federation/graphql/subscriptions/shown-clusters.ts';
import { clusterChanges } from '@isthmus/federation/graphql/subscriptions/cluster-changed.ts';
import type { ClusterView } from '@isthmus/federation/graphql/types/cluster.ts';
import type { Now } from '@isthmus/federation/state/now.ts';
import { Federation } from '../fakes/federation.ts';

/** Counts each entry that is looked at. */
class Counted<V> extends Map<string, V> {
  readonly #count: () => void;

  constructor(entries: Iterable<readonly [string, V]>, count: () => void) {
    super();
    for (const [key, value] of entries) super.set(key, value);
    this.#count = count;
  }

  override get(key: string): V | undefined {
    this.#count();
    return super.get(key);
  }

  override *[Symbol.iterator](): MapIterator<[string, V]> {
    for (const entry of super.entries()) {
      this.#count();
      yield entry;
    }
    return undefined;
  }

  override *values(): MapIterator<V> {
    for (const [, value] of this) yield value;
    return undefined;
  }

  override *keys(): MapIterator<string> {
    for (const [key] of this) yield key;
    return undefined;
  }
}

/** Members with five services each, every service in two of them. */
async function hubOf(clusters: number): Promise<Federation> {
  const names = Array.from({ length: clusters }, (_, i) => `c${String(i).padStart(3, '0')}`);
  const hub = await Federation.start(...names);
  names.forEach((name, i) => {
    const own = Array.from({ length: 5 }, (_, s) => `s${String(i).padStart(3, '0')}-${s}`);
    const next = own.map((one) => one.replace(/^s\d+/, `s${String((i + 1) % clusters).padStart(3, '0')}`));
    hub.report(name, { services: Object.fromEntries([...own, ...next].map((one) => [one, 1])) });
  });
  await hub.pass(250);
  return hub;
}

/** What is looked at of clusters and of holders of services. */
function countedNow(now: Now) {
  let visits = 0;
  let holders = 0;
  const visit = () => {
    visits++;
  };
  const { exports } = now.index;
  const counted: Now = {
    ...now,
    intent: { ...now.intent, clusters: new Counted(now.intent.clusters, visit) },
    observed: new Counted(now.observed, visit),
    index: {
      ...now.index,
      exports: {
        size: exports.size,
        keys: exports.keys,
        holders: (key) =>
          new Counted(exports.holders(key), () => {
            visits++;
            holders++;
          }),
        exporters: (key) => exports.exporters(key),
      },
    },
  };
  return { now: counted, count: () => visits, holders: () => holders };
}

async function visitsFor(clusters: number, query: string): Promise<number> {
  const hub = await hubOf(clusters);
  const { now, count } = countedNow(hub.now);
  const contextValue = {
    snapshot: now,
    viewer: 'admin',
    roles: ['ADMIN'],
    clock: hub.clock,
    ofHub: () => [],
  };
  const { errors } = await execute({ schema: apiSchema(), document: parse(query), contextValue });
  hub.end();
  assert.equal(errors, undefined);
  return count();
}

const drain = { cluster: 'c003', percent: 100, remoteOnly: false };
const failover: FailoverRequest = {
  from: { cluster: 'c003' },
  services: [],
  percent: 100,
  scope: 'ALL',
  expiresAt: undefined,
};

describe('the size of the hub’s answers', () => {
  for (const [what, query] of [
    ['services', '{ services(first: 10) { totalCount nodes { name } } }'],
    [
      'services with their clusters',
      '{ services(first: 10) { nodes { name clusters { cluster conditions { reason } } } } }',
    ],
    ['one service', '{ service(namespace: "shop", name: "s003-1") { clusters { cluster healthy } } }'],
    ['clusters', '{ clusters(first: 5) { totalCount nodes { name state } } }'],
  ] as const)
    it(`${what}: as many clusters and holders are visited among 20 clusters as among 40`, async () => {
      const [few, many] = [await visitsFor(20, query), await visitsFor(40, query)];
      assert.ok(few > 0);
      assert.equal(many, few);
    });

  it('a cluster that changes: one view is made, for however many clusters and subscribers', async () => {
    for (const clusters of [20, 40]) {
      const hub = await hubOf(clusters);
      const shown = new ShownClusters(hub.live);
      const streams = [clusterChanges(shown, undefined), clusterChanges(shown, undefined)];
      for (const stream of streams) for (let i = 0; i < clusters; i++) await stream.next();
      const before = shown.made;
      hub.observations.update('c003', (one) => ({ ...one, proxiesConnected: 77 }));
      for (const stream of streams)
        assert.equal(((await stream.next()).value as ClusterView).proxiesConnected, 77);
      assert.equal(shown.made - before, 1);
      for (const stream of streams) await stream.return?.();
      hub.end();
    }
  });

  for (const [what, run] of [
    ['a drain that looks for alternatives', (now: Now) => withoutAlternative(now, drain)],
    ['a plan of a failover', (now: Now) => simulate(now, failover, 0)],
  ] as const)
    it(`${what}: as many holders are visited among 20 clusters as among 40`, async () => {
      const visits = async (clusters: number) => {
        const hub = await hubOf(clusters);
        const { now, holders } = countedNow(hub.now);
        run(now);
        hub.end();
        return holders();
      };
      const [few, many] = [await visits(20), await visits(40)];
      assert.ok(few > 0);
      assert.equal(many, few);
    });
});
