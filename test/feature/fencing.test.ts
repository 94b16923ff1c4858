import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { once } from 'node:events';
import { HubEpochs } from '../../cluster-agent/link/hub-epochs.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { HubProcess } from '../fakes/hub-process.ts';

const createToken = (cluster: string) =>
  `mutation { result: createJoinToken(input: { cluster: "${cluster}" }) { token userErrors { code message } } }`;

function epochIn(stateDir: string): number {
  const db = new DatabaseSync(join(stateDir, 'hub.db'), { readOnly: true });
  const row = db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get() as { value: number } | undefined;
  db.close();
  return row?.value ?? 0;
}

describe('a hub among others, as processes', () => {
  let dir = '';
  let claim: Claim;
  const hubs: HubProcess[] = [];
  const hub = (flags: readonly string[] = [], stateDir = dir) => {
    const one = new HubProcess(stateDir, claim.octet, flags);
    hubs.push(one);
    return one;
  };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-fencing-'));
    claim = await claimBlock({ first: 150, table: () => [] });
  });
  afterEach(async () => {
    for (const one of hubs.splice(0)) await one.kill();
    claim.release();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const store of ['sqlite', 'memory'])
    it(`tells a second one on its state folder (${store}) its pid; that one changes nothing and ends with status 1`, async () => {
      const first = await hub(['--store', store]).ready();
      const files = () =>
        ['admin-token', 'endpoint.json'].map((name) => readFileSync(join(dir, name), 'utf8'));
      const before = files();
      const epoch = store === 'sqlite' ? epochIn(dir) : 0;
      const second = hub(['--store', store]);
      assert.equal(await second.status(), 1);
      assert.match(second.log, new RegExp(`in use by process ${first.child.pid} \\(isthmus-federation\\)`));
      assert.deepEqual(files(), before);
      if (store === 'sqlite') assert.equal(epochIn(dir), epoch);
      const { result } = await first.ask<{ result: { userErrors: unknown[] } }>(createToken('east'));
      assert.deepEqual(result.userErrors, []);
    });

  it('starts at once after the one before was killed, in a later epoch', async () => {
    await (await hub().ready()).kill();
    const epoch = epochIn(dir);
    await hub().ready();
    assert.equal(epochIn(dir), epoch + 1);
  });

  for (const port of [15_101, 15_102])
    it(`takes no epoch when its port ${port} is taken, and says which`, async () => {
      await (await hub().ready()).kill();
      const epoch = epochIn(dir);
      const taken = createServer().listen(port, `127.${claim.octet}.0.1`);
      await once(taken, 'listening');
      const second = hub();
      assert.equal(await second.status(), 1);
      assert.match(second.log, new RegExp(`cannot listen on 127.${claim.octet}.0.1:${port}.*EADDRINUSE`));
      assert.equal(epochIn(dir), epoch);
      taken.close();
    });

  const listeners = { '--api-listen': 18_080, '--admin-listen': 19_000 };
  for (const [flag, first] of Object.entries(listeners))
    it(`takes no epoch when every port from ${first} to ${first + 100} is taken, where ${flag} looks for a free one`, async () => {
      const host = `127.${claim.octet}.0.1`;
      const admin = ['--admin-listen', `${host}:${listeners['--admin-listen']}`];
      await (await hub(admin).ready()).kill();
      const epoch = epochIn(dir);
      const taken = Array.from({ length: 101 }, (_, i) => createServer().listen(first + i, host));
      await Promise.all(taken.map((server) => once(server, 'listening')));
      const second = hub(admin);
      assert.equal(await second.status(), 1);
      assert.match(second.log, new RegExp(`cannot listen on ${host}:${first + 100}.*EADDRINUSE.*${flag}`));
      assert.equal(epochIn(dir), epoch);
      taken.pop()?.close();
      await hub(admin).ready();
      assert.equal(epochIn(dir), epoch + 1);
      for (const server of taken) server.close();
    });

  it('ends with status 7 and says why when another has taken an epoch, although it wrote nothing', async () => {
    const older = await hub().ready();
    const other = await sqliteStore(join(dir, 'hub.db'));
    const { epoch } = await other.lead();
    assert.equal(await older.status(), 7);
    assert.match(
      older.log,
      new RegExp(`"code":"FENCED".*replaced by another process .*\\(epoch ${epoch}\\)`),
    );
    await other.close();
  });
});

describe('a fenced hub and its agents', () => {
  let hub: TestHub;
  let stateDir = '';
  let copy = '';
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (_fields, message) => errors.push(message), child: () => log };
  const agents: TestAgent[] = [];

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
    copy = `${stateDir}-copy`;
    errors.length = 0;
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.end();
    await hub.stop();
    for (const dir of [stateDir, copy]) rmSync(dir, { recursive: true, force: true });
  });

  const start = async (over: Parameters<typeof startTestHub>[0] = {}) =>
    (hub = await startTestHub({ octet: 247, stateDir, store: 'sqlite', log, ...over }));
  const agent = async () => {
    const one = await new TestAgent('east', '127.247.16.1').join(hub);
    agents.push(one);
    return one;
  };
  const policies = (one: TestAgent) => [...one.hubStore.view.policies.keys()];
  const deny = `mutation { result: applyPolicy(input: { policy: { access: {
    name: "p", effect: DENY, target: { namespace: "shop" }, rules: [{ ports: [80] }] } } }) { userErrors { code message } } }`;

  it('ends its links, closes its API and says why', async () => {
    await start();
    const east = (await agent()).connect();
    await until(() => east.link?.connected && east.hubStore.complete);
    const other = await sqliteStore(join(stateDir, 'hub.db'));
    await other.lead();
    assert.deepEqual(await hub.ended, { kind: 'fenced', by: 2 });
    await until(() => east.link?.connected === false);
    await assert.rejects(hub.ask('{ clusters(first: 1) { nodes { name } } }'));
    assert.match(errors.join(), /replaced by another process on the same state folder \(epoch 2\)/);
    await other.close();
  });

  it('has what it refused for that in the audit log of the hub that replaced it', async () => {
    await start();
    const other = await sqliteStore(join(stateDir, 'hub.db'));
    await other.lead();
    const { data } = await hub.ask<{ result: { userErrors: { code: string }[] } }>(deny);
    assert.equal(data?.result.userErrors[0]?.code, 'FENCED');
    const refused = async () => (await other.audit({ limit: 9, action: 'applyPolicy' })).records[0];
    while ((await refused()) === undefined) await new Promise((resolve) => setImmediate(resolve));
    const one = await refused();
    assert.deepEqual([one?.outcome, one?.code, one?.subject], ['REFUSED', 'FENCED', 'policy/p']);
    assert.match(JSON.stringify(one?.input), /"namespace":"shop"/);
    await hub.ended;
    await other.close();
  });

  it('is not believed by an agent that has seen a later epoch, over new streams and after the agent’s restart', async () => {
    await start();
    const east = (await agent()).connect();
    await until(() => east.hubStore.complete);
    await hub.stop();
    cpSync(stateDir, copy, { recursive: true });
    await start({ epochAbove: 8 });
    const { data } = await hub.ask<{ result: { userErrors: unknown[] } }>(deny);
    assert.deepEqual(data?.result.userErrors, []);
    await until(() => policies(east).length === 1);
    await hub.stop();

    // The older one comes back at the same addresses.
    await start({ stateDir: copy });
    const refused = () => hub.ask<{ cluster: { state: string } }>('{ cluster(name: "east") { state } }');
    for (const restarted of [false, true]) {
      if (restarted) {
        east.disconnect();
        east.connect();
      }
      for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal((await refused()).data?.cluster.state, 'UNREACHABLE');
      assert.equal(policies(east).length, 1);
    }
    await hub.stop();

    // As the agent's log says: a backup that is meant to be in charge takes an epoch above.
    await start({ stateDir: copy, epochAbove: 9 });
    await until(() => policies(east).length === 0);
  });

  it('is forgotten by a join, which may be at another hub of the same name', async () => {
    await start();
    const east = await agent();
    writeFileSync(join(east.stateDir, 'hub-epochs.json'), '{"test":"99","other":"7"}');
    assert.equal(new HubEpochs(east.stateDir, silentLog).seen('test'), 99n);
    await hub.ask(
      `mutation { removeCluster(input: { cluster: "east", force: true }) { userErrors { message } } }`,
    );
    await hub.ask(`mutation { revokeCluster(input: { cluster: "east" }) { userErrors { message } } }`);
    await hub.ask(`mutation { removeCluster(input: { cluster: "east" }) { userErrors { message } } }`);
    await east.join(hub);
    const epochs = new HubEpochs(east.stateDir, silentLog);
    assert.equal(epochs.seen('test'), 0n);
    assert.equal(epochs.seen('other'), 7n);
    east.connect();
    await until(() => east.hubStore.complete);
  });
});
