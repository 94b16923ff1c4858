import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAgent } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';
import { sqliteStore } from '../../federation/store/sqlite.ts';
import { pause, timeScale, within } from './measured.ts';

const bound = 5000;
const others = 8;

describe(`the services of a cluster that is revoked, at ${others} other agents and at a real ztunnel`, () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-revoked-'));
  let hub: TestHub;
  let octet: number | undefined;
  let east: TestAgent;
  let rest: TestAgent[] = [];
  let west: OneNodeCluster;

  const start = async () => {
    hub = await startTestHub({ stateDir, store: 'sqlite', ...(octet !== undefined && { octet }) });
    octet = hub.octet;
  };
  const eventually = async (what: string, holds: () => boolean | Promise<boolean>) => {
    const begun = performance.now();
    while (!(await holds())) {
      assert.ok(performance.now() - begun < 60_000 * timeScale, `${what} did not happen`);
      await pause(10);
    }
  };
  const state = async (name: string) => {
    const query = `{ cluster(name: "${name}") { state } }`;
    return (await hub.ask<{ cluster: { state: string } | null }>(query)).data?.cluster?.state;
  };
  const knowing = () => rest.filter(({ hubStore }) => hubStore.view.remotes.has('east/shop/far')).length;
  const atProxy = () =>
    west.servicesAtProxy().then(
      (names) => names.includes('far'),
      () => false,
    );

  beforeEach(async () => {
    await start();
    const agent = (name: string, third: number) => new TestAgent(name, `127.${octet}.${third}.2`).join(hub);
    east = (await agent('east', 240)).service('far').gateway().connect();
    rest = [];
    for (let i = 0; i < others; i++) rest.push((await agent(`c${i}`, 200 + i)).connect());
    west = new OneNodeCluster('west', hub);
    await west.newToken();
    await west.startAgent();
    await west.startProxy();
    await eventually('everybody knows the service', async () => knowing() === others && (await atProxy()));
  });
  afterEach(async () => {
    for (const one of [east, ...rest]) one.end();
    await west.stop();
    await hub.stop();
    rmSync(stateDir, { recursive: true, force: true });
  });

  /** The hub is killed and comes back while the cluster is away. */
  const comesBackWithout = async (lost: boolean) => {
    east.disconnect();
    await eventually('the cluster is away', async () => (await state('east')) === 'UNREACHABLE');
    await hub.stop();
    if (lost) {
      const store = await sqliteStore(join(stateDir, 'hub.db'));
      await store.forgetReports('east');
      await store.close();
    }
    await start();
    for (const name of ['west', ...rest.map(({ cluster }) => cluster)])
      await eventually(`${name} is back`, async () => (await state(name)) === 'ACTIVE');
    assert.equal(knowing(), others, 'what is unknown is not taken away');
    assert.ok(await atProxy());
  };

  const cases: Record<string, () => Promise<void>> = {
    'that is connected': () => Promise.resolve(),
    'whose reports were restored': () => comesBackWithout(false),
    'whose reports were lost': () => comesBackWithout(true),
  };
  for (const [which, prepare] of Object.entries(cases))
    it(`${which}: they leave within ${bound / 1000} s`, async () => {
      await prepare();
      const begun = performance.now();
      const { data } = await hub.ask<{ result: { userErrors: object[] } }>(
        'mutation { result: revokeCluster(input: { cluster: "east" }) { userErrors { message } } }',
      );
      assert.deepEqual(data!.result.userErrors, []);
      await eventually('the other agents forget it', () => knowing() === 0);
      within(`${others} other agents, of a cluster ${which}`, performance.now() - begun, bound);
      await eventually('the ztunnel forgets it', async () => !(await atProxy()));
      within(`a ztunnel elsewhere, of a cluster ${which}`, performance.now() - begun, bound);
    });
});
