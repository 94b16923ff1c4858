import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ask } from '@isthmus/api/domain/question.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { FakeClock } from '../fakes/clock.ts';
import { aSummary, TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';

const shopCarts = { namespace: 'shop', labels: { app: 'cart' }, first: 1000, after: '' };

interface ClusterAnswer {
  readonly state: string;
  readonly conditions: readonly { reason: string; message: string }[];
}

/** What a subscription has delivered so far. */
class Subscription {
  #text = '';
  readonly #stop = new AbortController();
  /** Resolves when the hub ends it. */
  readonly ended: Promise<void>;

  constructor(of: TestHub, query: string) {
    this.ended = this.#read(of, query);
  }

  seen(what: RegExp): Promise<true> {
    return until(() => what.test(this.#text));
  }

  stop(): void {
    this.#stop.abort();
    this.ended.catch(() => undefined);
  }

  async #read(of: TestHub, query: string): Promise<void> {
    const response = await fetch(of.url, {
      method: 'POST',
      body: JSON.stringify({ query }),
      signal: this.#stop.signal,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${of.token}`,
        accept: 'text/event-stream',
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) this.#text += decoder.decode(chunk);
  }
}

/** For a hub that is started again at its addresses; another one for each test, and for runs beside this one. */
let keptOctets = process.pid;
const keptOctet = (): number => 200 + (keptOctets++ % 50);

describe('the link between the hub and its agents', () => {
  let hub: TestHub;
  const agents: TestAgent[] = [];
  afterEach(() => {
    for (const agent of agents.splice(0)) agent.end();
    hub.stop();
  });

  const agent = async (cluster: string, last: number): Promise<TestAgent> => {
    const one = new TestAgent(cluster, `127.${hub.octet}.16.${last}`);
    agents.push(one);
    return one.join(hub);
  };
  const look = async (cluster: string): Promise<ClusterAnswer | null> => {
    const query = `{ cluster(name: "${cluster}") { state conditions { reason message } } }`;
    return (await hub.ask<{ cluster: ClusterAnswer | null }>(query)).data!.cluster;
  };
  const isState = (cluster: string, state: string) => async () =>
    (await look(cluster))?.state === state || undefined;
  const mutate = (name: string, input: string) =>
    hub.ask<Record<string, { userErrors: { message: string }[] }>>(
      `mutation { ${name}(input: { ${input} }) { userErrors { message } } }`,
    );
  const remotesOf = (one: TestAgent) => [...one.hubStore.view.remotes.keys()];

  it('sends each cluster what the others export, and its changes', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).service('cart').gateway().connect();
    const west = (await agent('west', 2)).connect();
    await until(isState('east', 'ACTIVE'));
    await until(() => west.hubStore.view.remotes.get('east/shop/cart')?.groups[0]?.healthy === 2);
    east.service('cart', {}, 0);
    await until(() => west.hubStore.view.remotes.get('east/shop/cart')?.groups[0]?.healthy === 0);
    east.report('service', 'shop/cart', undefined);
    await until(() => remotesOf(west).length === 0);
  });

  it('keeps the endpoints of a cluster whose agent has restarted, until it has counted them again', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).service('cart').gateway().connect();
    const west = (await agent('west', 2)).connect();
    const healthy = () => west.hubStore.view.remotes.get('east/shop/cart')?.groups[0]?.healthy;
    await until(() => healthy() === 2);
    const seen = new Set<number | undefined>();
    const apply = west.hubStore.apply.bind(west.hubStore);
    west.hubStore.apply = (...change) => {
      const rejected = apply(...change);
      seen.add(healthy());
      return rejected;
    };
    east.disconnect();
    await until(isState('east', 'UNREACHABLE'));
    east.partial = true;
    east.connect();
    // It has said all its reports, and nothing of its endpoints.
    await until(async () => (await look('east'))?.state === 'PENDING' && east.link?.connected);
    east.service('other');
    await until(
      async () =>
        (await hub.ask<{ services: { totalCount: number } }>('{ services { totalCount } }')).data?.services
          .totalCount === 2,
    );
    assert.equal((await look('east'))?.state, 'PENDING');
    east.partial = false;
    east.service('cart', {}, 1);
    await until(() => healthy() === 1);
    assert.equal((await look('east'))?.state, 'ACTIVE');
    assert.deepEqual(
      [...seen].filter((count) => count !== 2 && count !== 1),
      [],
    );
  });

  it('takes a cluster’s reports as whole although one of them cannot be read, and says which', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).service('cart').gateway({ hbonePort: 0 });
    east.report('service', 'shop/odd', Uint8Array.of(255));
    east.connect();
    await until(isState('east', 'ACTIVE'));
  });

  it('shows what an agent has refused, until it takes it', async () => {
    hub = await startTestHub();
    const east = await agent('east', 1);
    east.refuses.add('p');
    east.connect();
    await until(isState('east', 'ACTIVE'));
    const policy = `policy: { access: { name: "p", effect: DENY, target: { namespace: "shop" }, rules: [{ ports: [80] }] } }`;
    await mutate('applyPolicy', policy);
    const status = async () => {
      const query = '{ policy(name: "p") { status { cluster state message } } }';
      const { data } = await hub.ask<{ policy: { status: { state: string; message: string }[] } }>(query);
      return data!.policy.status[0];
    };
    const refused = await until(async () => {
      const now = await status();
      return now?.state === 'REJECTED' && now;
    });
    assert.match(refused.message, /not liked/);
    assert.equal((await look('east'))?.conditions[0]?.reason, 'DIRECTIVE_REFUSED');
    east.refuses.clear();
    await mutate('applyPolicy', policy.replace('80', '81'));
    await until(async () => (await look('east'))?.conditions.length === 0);
  });

  it('shows no refusal of a version that is no longer sent', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).connect();
    await until(isState('east', 'ACTIVE'));
    const drain = (percent: number) => mutate('drainCluster', `cluster: "east", percent: ${percent}`);
    const reasons = async () => (await look('east'))?.conditions.map(({ reason }) => reason).join();
    await drain(50);
    await until(() => east.hubStore.view.trafficShifts.size === 1);
    east.refuses.add('drain:east');
    await drain(60);
    await until(async () => (await reasons()) === 'DIRECTIVE_REFUSED');
    await drain(50);
    await until(async () => (await reasons()) === '');
    await drain(60);
    await until(async () => (await reasons()) === 'DIRECTIVE_REFUSED');
    east.disconnect();
    await until(isState('east', 'UNREACHABLE'));
    await mutate('undrainCluster', 'cluster: "east"');
    assert.equal(await reasons(), 'DIRECTIVE_REFUSED');
    const restarted = new TestAgent('east', `127.${hub.octet}.16.2`);
    agents.push(restarted);
    restarted.connect(east.identity);
    await until(async () => (await reasons()) === '');
  });

  it('shows a refusal on the next link too while the owner of what was refused is away', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).service('cart').gateway().connect();
    const west = (await agent('west', 2)).connect();
    await until(() => remotesOf(west).length === 1);
    const refusals = async () => (await look('west'))?.conditions.map(({ message }) => message).join();
    const isShown = (what: RegExp, shown = true) =>
      until(async () => what.test((await refusals()) ?? '') === shown);
    west.refuses.add('east/shop/cart');
    east.service('cart', {}, 0);
    await isShown(/remote\/east\/shop\/cart/);
    for (const one of [east, west]) one.disconnect();
    await until(isState('east', 'UNREACHABLE'));
    await until(isState('west', 'UNREACHABLE'));
    west.refuses.add('p');
    west.connect();
    const policy = `policy: { access: { name: "p", effect: DENY, target: { namespace: "shop" }, rules: [{ ports: [80] }] } }`;
    await mutate('applyPolicy', policy);
    await isShown(/policy\/p/);
    west.refuses.delete('p');
    await mutate('applyPolicy', policy.replace('80', '81'));
    await isShown(/policy\/p/, false);
    // By now the new link has sent all that there is but for what is held back.
    assert.match((await refusals()) ?? '', /remote\/east\/shop\/cart/);
    east.connect();
    west.refuses.clear();
    await isShown(/remote/, false);
  });

  it('sends a revoked cluster away with all that it has open, and does not know its certificate again', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).service('cart').connect();
    await until(isState('east', 'ACTIVE'));
    const stolen = east.identity;
    await mutate('revokeCluster', 'cluster: "east"');
    await until(() => !east.link?.connected);
    const workloads = await hub.ask('{ workloads(cluster: "east") { totalCount } }');
    assert.equal(workloads.errors?.[0]?.extensions?.code, 'CLUSTER_UNREACHABLE');
    east.disconnect();

    const again = (await agent('east', 3)).connect();
    await until(isState('east', 'ACTIVE'));
    const thief = new TestAgent('east', `127.${hub.octet}.16.4`);
    agents.push(thief);
    thief.connect(stolen);
    await assert.rejects(
      until(() => thief.link?.signIntermediate('no request').then(() => true)),
      /earlier membership/,
    );
    assert.ok(again.link?.connected);
    assert.equal((await look('east'))?.state, 'ACTIVE');
  });

  it('asks agents whom a first ALLOW would turn to deny by default, and names a cluster that is away', async () => {
    hub = await startTestHub();
    const east = await agent('east', 1);
    const asked: Ask[] = [];
    east.answer = (ask) => {
      asked.push(ask);
      const workloads = [
        aSummary('cart-1'),
        aSummary('cart-2', { deniesByDefault: true }),
        aSummary('cart-3'),
      ];
      return Promise.resolve({ kind: 'workloads', workloads, total: 3, hasNext: false });
    };
    east.connect();
    await agent('west', 2);
    await until(isState('east', 'ACTIVE'));
    const query = `mutation { applyPolicy(input: { dryRun: true, policy: { access: { name: "p", effect: ALLOW,
      target: { namespace: "shop", labels: [{ key: "app", value: "cart" }] }, rules: [{ ports: [80] }] } } }) { warnings { code message } } }`;
    const { data } = await hub.ask<{ applyPolicy: { warnings: { code: string; message: string }[] } }>(query);
    const [one, two, ...rest] = data!.applyPolicy.warnings;
    assert.match(one?.message ?? '', /cart-1, cart-3 in east/);
    assert.match(two?.message ?? '', /could not find out which workloads of west/);
    assert.deepEqual([rest, asked[0]], [[], { kind: 'workloads', ...shopCarts }]);
  });

  it('sends subscribers the state of a cluster and of an operation, and each change', async () => {
    hub = await startTestHub();
    const east = (await agent('east', 1)).connect();
    await until(isState('east', 'ACTIVE'));
    const clusters = new Subscription(
      hub,
      'subscription { clusterChanged(name: "east") { state drainPercent } }',
    );
    await clusters.seen(/"state":"ACTIVE"/);
    await mutate('drainCluster', 'cluster: "east", percent: 40');
    await clusters.seen(/"state":"DRAINING","drainPercent":40/);

    const { data } = await hub.ask<{ operations: { nodes: { id: string }[] } }>(
      '{ operations { nodes { id } } }',
    );
    const progress = new Subscription(
      hub,
      `subscription { operationProgress(id: "${data!.operations.nodes[0]!.id}") { state appliedBy applied { at } } }`,
    );
    await progress.seen(/"state":"RUNNING","appliedBy":\[\]/);
    const id = 'drain:east';
    await until(() => east.hubStore.view.trafficShifts.has(id));
    const version = east.hubStore.version('diversion', id) ?? '';
    const said = { subject: `diversion/${id}`, version, state: 'APPLIED' as const, message: '', proxies: 1 };
    east.report('applied', said.subject, wire.appliedReport.encode(said));
    await progress.seen(/"state":"DONE","appliedBy":\["east"\],"applied":\[\{"at":"\d{4}-/);
    await progress.ended;
    clusters.stop();
  });

  it('hears the newer of two agents of one cluster', async () => {
    hub = await startTestHub();
    const older = (await agent('east', 1)).service('old').connect();
    await until(isState('east', 'ACTIVE'));
    const newer = new TestAgent('east', `127.${hub.octet}.16.2`);
    agents.push(newer);
    newer.service('new').connect(older.identity);
    const services = async () => {
      const { data } = await hub.ask<{ services: { nodes: { name: string }[] } }>(
        '{ services { nodes { name } } }',
      );
      return data!.services.nodes.map(({ name }) => name).join();
    };
    await until(async () => (await services()) === 'new');
  });

  it('sends away an agent that has gone silent, well before its connection fails', async () => {
    const clock = new FakeClock(Date.now());
    hub = await startTestHub({ clock });
    // Its own clock stands still: it never reports its health again.
    (await agent('east', 1)).connect(undefined, new FakeClock());
    await until(isState('east', 'ACTIVE'));
    await clock.advance(15_000);
    assert.equal((await look('east'))?.state, 'ACTIVE');
    // Its acknowledgements may have come at any time so far.
    await clock.advance(21_000);
    assert.equal((await look('east'))?.state, 'UNREACHABLE');
  });

  it('takes nothing away over a restart until a cluster has said everything again, but for what a person ends', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
    const octet = keptOctet();
    const start = async () =>
      (hub = await startTestHub({ octet, stateDir, store: 'sqlite', exportByLabel: false }));
    await start();
    const east = (await agent('east', 1)).service('cart').service('old').gateway().connect();
    const west = (await agent('west', 2)).connect();
    for (const name of ['cart', 'old']) {
      await until(isState('east', 'ACTIVE'));
      await mutate('exportService', `service: { namespace: "shop", name: "${name}" }`);
    }
    await until(() => remotesOf(west).length === 2);
    await until(() => east.hubStore.view.grants.size === 2);
    east.disconnect();
    await until(isState('east', 'UNREACHABLE'));
    await hub.stop();
    await start();
    await until(isState('west', 'ACTIVE'));
    assert.equal((await look('east'))?.state, 'UNREACHABLE');
    assert.deepEqual(remotesOf(west), ['east/shop/cart', 'east/shop/old']);

    await mutate('unexportService', 'service: { namespace: "shop", name: "old" }');
    await until(() => remotesOf(west).join() === 'east/shop/cart');

    // It comes back and has not listed its services yet: what it says so far is not all.
    const services = east.reports.get('service')!;
    east.reports.delete('service');
    east.connect();
    await until(isState('east', 'PENDING'));
    await until(() => east.hubStore.view.grants.size === 1);
    assert.deepEqual(remotesOf(west), ['east/shop/cart']);
    services.delete('shop/cart');
    east.reports.set('service', services);
    east.link?.changed('service');
    await until(() => remotesOf(west).length === 0);
    await until(() => east.hubStore.view.grants.size === 0);
    rmSync(stateDir, { recursive: true });
  });

  for (const [name, command] of [
    ['revoked', 'revokeCluster'],
    ['revoked and removed', 'removeCluster'],
  ] as const)
    it(`takes the services of a cluster that is ${name} away, though its reports could not be restored`, async () => {
      const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
      const octet = keptOctet();
      const start = async () => (hub = await startTestHub({ octet, stateDir, store: 'sqlite' }));
      await start();
      const east = (await agent('east', 1)).service('cart').gateway().connect();
      const west = (await agent('west', 2)).connect();
      await until(() => remotesOf(west).length === 1);
      east.disconnect();
      west.disconnect();
      await until(isState('east', 'UNREACHABLE'));
      hub.stop();
      const store = await reopened(join(stateDir, 'hub.db'));
      await store.forgetReports('east');
      await store.close();
      await start();
      west.connect();
      await until(isState('west', 'ACTIVE'));
      assert.deepEqual(remotesOf(west), ['east/shop/cart']);
      await mutate('revokeCluster', 'cluster: "east"');
      if (command === 'removeCluster') await mutate(command, 'cluster: "east"');
      await until(() => remotesOf(west).length === 0);
      rmSync(stateDir, { recursive: true });
    });
});

/** The store of a hub that has stopped and may not have let go of it yet. */
const reopened = (path: string) => until(() => sqliteStore(path).catch(() => undefined));
