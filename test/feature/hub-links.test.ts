import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downTypes, upTypes } from '@isthmus/api/wire/link.ts';
import { HubEpochs } from '@isthmus/cluster-agent/link/hub-epochs.ts';
import { HubLinks } from '@isthmus/cluster-agent/link/hub-links.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { aHealth, healthSourceOf, until } from '../fakes/agent.ts';
import { inShop } from '../fakes/services.ts';
import { HubReplica } from '../fakes/hub-replica.ts';
import { agentPair, makeCa } from '../fakes/link-listener.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

describe('an agent that holds two links', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-links-'));
  const ca = makeCa();
  const stop = new AbortController();
  let replicas: readonly HubReplica[];
  let links: HubLinks;
  const cluster = { health: [aHealth('cart'), aHealth('web')] };
  const linksTo = (endpoints: readonly string[], want: number) =>
    new HubLinks(
      {
        identity: {
          ...agentPair(ca),
          cluster: 'east',
          hubId: 'hub',
          trustDomain: defaultTrustDomain,
          endpoints,
          ca: certificatePem(ca.certificate),
        },
        replica: { id: 'main', leads: () => true },
        localAddress: '127.0.0.1',
        hubStore: new HubStore({ journal: new MemoryJournal(), hub: '', log: silentLog }),
        epochs: new HubEpochs(stateDir, silentLog),
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        reports: (type) => new Map([[`${type}-1`, { version: 'v', body: new Uint8Array(1) }]]),
        health: healthSourceOf(cluster),
        answer: () => Promise.resolve({ kind: 'workloads', workloads: [], total: 0, hasNext: false }),
        onView: () => undefined,
      },
      want,
    );

  before(async () => {
    replicas = await Promise.all([new HubReplica(ca).start(), new HubReplica(ca).start()]);
    links = linksTo(
      replicas.map(({ endpoint }) => endpoint),
      2,
    );
    void links.run(stop.signal);
  });
  after(async () => {
    stop.abort();
    await Promise.all(replicas.map((one) => one.stop()));
    rmSync(stateDir, { recursive: true });
  });

  const reported = upTypes.map((type) => `${type}/${type}-1`);
  const asking = () => replicas.filter(({ asked }) => asked.size > 0);

  it('reports to both, says to both how it is, and answers both', async () => {
    for (const replica of replicas) {
      await until(() => replica.health.length > 0 && reported.every((name) => replica.reported.has(name)));
      replica.ask({
        id: 'q1',
        deadlineMillis: 5000,
        ask: { kind: 'workloads', first: 1, after: '', namespace: '', labels: {} },
      });
      await until(() => replica.answers.some(({ id, kind }) => id === 'q1' && kind === 'answer'));
    }
  });

  it('takes the view of the hub from one of them, and from the other one when that ends', async () => {
    await until(() => links.synced && asking().length === 1);
    const [source] = asking();
    assert.deepEqual([...(source?.asked ?? [])].sort(), [...downTypes].sort());
    source?.endLinks();
    await until(() => links.synced && asking().length === 1 && asking()[0] !== source);
    // The one that ended comes back, reports, and is not asked for the view.
    await until(() => links.states.every(({ heard }) => heard));
    assert.equal(source?.asked.size, 0);
    assert.deepEqual(
      links.states.filter(({ isSource }) => isSource).map(({ synced }) => synced),
      [true],
    );
  });

  it('has everything of a hub of an earlier version, which knows neither members nor its own address', async () => {
    const known = downTypes.filter((type) => type !== 'member' && type !== 'hub-address');
    const replica = await new HubReplica(ca, known).start();
    const own = linksTo([replica.endpoint], 1);
    const over = new AbortController();
    void own.run(over.signal);
    await until(() => own.synced);
    over.abort();
    await replica.stop();
  });

  it('dials the hub where it is reached now, once the link that is open has ended', async () => {
    const [before, after] = await Promise.all([new HubReplica(ca).start(), new HubReplica(ca).start()]);
    const own = linksTo([before.endpoint], 1);
    const over = new AbortController();
    void own.run(over.signal);
    await until(() => own.synced);
    own.reachAt([after.endpoint]);
    assert.ok(own.synced, 'the link that is open goes on');
    await before.stop();
    await until(() => own.synced && after.asked.size > 0);
    over.abort();
    await after.stop();
  });

  describe('and endpoint counts that change', () => {
    let replica: HubReplica;
    let own: HubLinks;
    const over = new AbortController();

    before(async () => {
      replica = await new HubReplica(ca).start();
      own = linksTo([replica.endpoint], 1);
      void own.run(over.signal);
      await until(() => own.synced && replica.health.length > 0);
    });
    after(async () => {
      over.abort();
      await replica.stop();
    });

    /** The next reports with counts after a change of one service, until one has all services or `count` have come. */
    const sentAfter = async (healthy: number, count: number) => {
      replica.health.splice(0);
      cluster.health = [aHealth('cart', healthy), aHealth('web')];
      own.healthChanged([inShop('cart')]);
      const counts = () => replica.health.filter(({ partial }) => !partial);
      await until(() => counts().length >= count);
      return counts().map(({ services, changes }) => [
        changes ? 'changes' : 'all',
        ...services.map(({ name, groups }) => `${name}=${groups[0]?.healthy}`),
      ]);
    };

    it('sends those of all services to a hub that does not say that it takes changes', async () => {
      assert.deepEqual((await sentAfter(1, 1))[0], ['all', 'cart=1', 'web=2']);
    });

    it('sends those of the services that changed to a hub that says so, and of all when it refuses', async () => {
      replica.takesChanges = true;
      await until(async () => (await sentAfter(0, 1)).some(([form]) => form === 'changes'));
      assert.deepEqual((await sentAfter(2, 1))[0], ['changes', 'cart=2']);
      replica.refuses = true;
      assert.deepEqual((await sentAfter(1, 2)).slice(0, 2), [
        ['changes', 'cart=1'],
        ['all', 'cart=1', 'web=2'],
      ]);
    });

    it('sends those of all services first to a hub that was restarted', async () => {
      replica.health.splice(0);
      replica.endLinks();
      await until(() => replica.health.some(({ partial }) => !partial));
      const [first] = replica.health.filter(({ partial, sequence }) => !partial && sequence === 1);
      assert.deepEqual([first?.changes, first?.services.length], [undefined, 2]);
    });
  });
});
