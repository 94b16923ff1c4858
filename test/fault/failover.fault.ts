import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { clusterStates, mutate } from '../../sandbox/instance/api.ts';
import { KeptLoad } from '../../sandbox/observe/kept-load.ts';
import { FreshLoad, type LoadResult } from '../../sandbox/observe/load.ts';
import { agentProgram, hubProgram } from '../../sandbox/processes/programs.ts';
import { until } from '../../sandbox/processes/wait.ts';
import { aim } from '../../sandbox/tour/addresses.ts';
import { up, type Sandbox } from '../../sandbox/up.ts';
import { pause, timeScale, within } from './measured.ts';

const clock = systemClock;
const payload = 'userErrors { code field message }';
const drainMutation = `mutation($input: DrainClusterInput!) { result: drainCluster(input: $input) { ${payload} } }`;
const undrainMutation = `mutation($input: ClusterInput!) { result: undrainCluster(input: $input) { ${payload} } }`;
const trafficMutation = `mutation($input: SetTrafficPolicyInput!) { result: setTrafficPolicy(input: $input) { ${payload} } }`;

describe('failover', () => {
  let stateHome = '';
  let sandbox: Sandbox;

  before(async () => {
    stateHome = mkdtempSync(join(tmpdir(), 'isthmus-fault-'));
    sandbox = await up({
      clock,
      tap: false,
      progress: () => undefined,
      env: { ...process.env, XDG_STATE_HOME: stateHome },
    });
  });
  after(async () => {
    await sandbox.stop();
    rmSync(stateHome, { recursive: true, force: true });
  });

  const fromEast = (service: string) => aim(sandbox, { cluster: 'east', pod: 'frontend' }, service);
  const fromSouth = (service: string) => aim(sandbox, { cluster: 'south', pod: 'orders-ambient' }, service);
  const byCluster = (served: LoadResult['served'], since = 0) => {
    const counts: Record<string, number> = {};
    for (const { at, cluster } of served) if (at >= since) counts[cluster] = (counts[cluster] ?? 0) + 1;
    return counts;
  };
  /** Probes, reports and what follows of them have come everywhere. */
  const settled = () => pause(3000 * timeScale);

  it('drains by 30 %: that share of new connections has moved', async () => {
    // Two of the four endpoints are in east, and each connection is drawn: 10,000 of them leave 0.9 % of east's share to
    // chance (one standard deviation), 2,000 left 2.5 %.
    const partInEast = async (seconds: number) => {
      const load = new FreshLoad(fromEast('catalogue'), 300, clock).start();
      await pause(seconds * 1000);
      const { served, failures } = await load.stop();
      assert.deepEqual(failures, []);
      return { part: (byCluster(served)['east'] ?? 0) / served.length, total: served.length };
    };
    const { part: before } = await partInEast(10);
    assert.ok(Math.abs(before - 0.5) <= 0.05, `${before} of connections go to east before`);
    await mutate(sandbox.endpoint, drainMutation, { cluster: 'east', percent: 30 });
    await settled();
    const { part: after, total } = await partInEast(35);
    const moved = (1 - after / 0.5) * 100;
    console.log(`      moved ${moved.toFixed(1)} % of east's former share, over ${total} connections`);
    assert.ok(total >= 10_000);
    assert.ok(moved >= 25 && moved <= 35, `${moved.toFixed(1)} % moved`);
    await mutate(sandbox.endpoint, undrainMutation, { cluster: 'east' });
    await settled();
  });

  it('drains by 100 % under 200 requests a second: none fails, and its share is 0 within 2 s', async () => {
    const fresh = new FreshLoad(fromEast('catalogue'), 100, clock).start();
    const kept = await new KeptLoad(fromEast('store'), 100, clock).start(20);
    await pause(3000);
    const started = clock.monotonic();
    await mutate(sandbox.endpoint, drainMutation, { cluster: 'east', percent: 100 });
    await pause(6000);
    const result = await fresh.stop();
    const keptResult = await kept.stop();
    assert.deepEqual(result.failures, []);
    assert.deepEqual(keptResult.failures, []);
    const last = Math.max(
      0,
      ...result.served
        .filter(({ cluster, at }) => cluster === 'east' && at > started)
        .map(({ at }) => at - started),
    );
    within('the last new connection to the drained cluster', last, 2000);
    await mutate(sandbox.endpoint, undrainMutation, { cluster: 'east' });
    await settled();
  });

  it('ends what is still open to a drained cluster at the deadline, and not before', async () => {
    const kept = await new KeptLoad(fromEast('store'), 40, clock).startUntil(
      (all) => new Set(all.map(({ cluster }) => cluster)).size > 1,
    );
    const due = clock.monotonic() + 4000;
    const deadline = new Date(clock.now() + 4000).toISOString();
    await mutate(sandbox.endpoint, drainMutation, { cluster: 'east', percent: 100, deadline });
    await pause(4000 + 2000 * timeScale);
    const ends = kept.connections();
    await kept.stop();
    const inEast = ends.filter(({ cluster }) => cluster === 'east').map(({ endedAt }) => endedAt ?? Infinity);
    assert.ok(inEast.length > 0 && inEast.length < ends.length, 'connections are open to east and elsewhere');
    assert.ok(Math.min(...inEast) >= due, 'one ended before the deadline');
    within('the last connection to the drained cluster, after the deadline', Math.max(...inEast) - due, 2000);
    assert.ok(ends.every(({ cluster, endedAt }) => cluster === 'east' || endedAt === undefined));
    await mutate(sandbox.endpoint, undrainMutation, { cluster: 'east' });
    await settled();
  });

  it('moves new connections when the local processes are killed, for clients here and elsewhere', async () => {
    const service = { namespace: 'shop', name: 'catalogue' };
    await mutate(sandbox.endpoint, trafficMutation, {
      service,
      localityOrder: ['REGION', 'ZONE', 'CLUSTER'],
      regionFailover: [{ from: 'region-a', to: 'region-b' }],
    });
    await settled();
    const here = new FreshLoad(fromEast('catalogue'), 50, clock).start();
    await pause(2000);
    const elsewhere = new FreshLoad(fromSouth('catalogue'), 50, clock).start();
    await pause(2000);
    // South has no catalogue of its own, and is in east's region.
    for (const { served } of [here, elsewhere])
      assert.deepEqual(Object.keys(byCluster(served, clock.monotonic() - 1000)), ['east']);
    const killed = clock.monotonic();
    const victims = ['east-catalogue-1', 'east-catalogue-2'].flatMap(
      (name) => sandbox.launcher.get(name) ?? [],
    );
    for (const victim of victims) victim.kill('SIGKILL');
    await pause(5000);
    const [local, remote] = [await here.stop(), await elsewhere.stop()];
    for (const [where, { served }] of Object.entries({
      'in the same cluster': local,
      'in another': remote,
    })) {
      const moved = served.find(({ cluster, at }) => cluster === 'west' && at >= killed);
      assert.ok(moved, `no connection of a client ${where} moved`);
      within(`the first new connection elsewhere, for a client ${where}`, moved.at - killed, 2000);
      const late = served.filter(({ cluster, at }) => cluster === 'east' && at >= killed + 2000);
      assert.deepEqual(late, []);
    }
    const lastFailure = Math.max(0, ...[...local.failures, ...remote.failures].map(({ at }) => at - killed));
    console.log(`      failed meanwhile: ${local.failures.length} here, ${remote.failures.length} elsewhere`);
    within('the last failed connection, for both', lastFailure, 2000);
    for (const { program } of victims) sandbox.launcher.start(program);
    await mutate(sandbox.endpoint, trafficMutation, { service });
    await settled();
  });

  it('goes on for 60 s without the hub, an agent restarted meanwhile, and remote endpoints that die are left', async () => {
    const hub = sandbox.launcher.get('hub');
    hub?.kill('SIGKILL');
    await hub?.exited;
    const load = new FreshLoad(fromEast('catalogue'), 50, clock).start();
    const across = new FreshLoad(fromEast('cart'), 50, clock).start();
    await pause(15_000);
    const south = sandbox.clusters.find(({ name }) => name === 'south')!;
    const agent = sandbox.launcher.get('south-agent');
    agent?.kill('SIGKILL');
    await agent?.exited;
    sandbox.launcher.start(agentProgram(sandbox.place, south));
    await pause(30_000);
    const killed = clock.monotonic();
    const dead = sandbox.launcher.get('south-cart');
    dead?.kill('SIGKILL');
    await pause(15_000);
    const [near, far] = [await load.stop(), await across.stop()];
    console.log(
      `      ${near.served.length + far.served.length} connections, ${near.failures.length + far.failures.length} failed`,
    );
    assert.deepEqual(near.failures, []);
    // A request that its server had already taken when it was killed is lost with it.
    assert.deepEqual(
      far.failures.filter(({ known }) => known < killed),
      [],
    );
    within(
      'the last failed connection after remote endpoints died',
      Math.max(0, ...far.failures.map(({ at }) => at - killed)),
      2000,
    );
    // What is as it was need not be sent again; the endpoints that died are to be as they were.
    sandbox.launcher.start(dead!.program);
    await settled();
    const logs = ['east', 'west', 'south'].map((name) => sandbox.launcher.get(`${name}-agent`)!);
    const since = logs.map((one) => one.log().length);
    sandbox.launcher.start(hubProgram(sandbox.place, Number(new URL(sandbox.endpoint.url).port)));
    await until(
      clock,
      'all to be back',
      async () =>
        Object.values(await clusterStates(sandbox.endpoint)).every((state) => state === 'ACTIVE')
          ? true
          : undefined,
      { within: 60_000 },
    );
    for (const [index, agent] of logs.entries()) {
      const lines = agent.log().slice(since[index]).split('\n');
      const resent = lines.filter((line) => line.includes('synced with the hub'));
      assert.match(resent.at(-1) ?? '', /"resources":0\b/, agent.program.name);
    }
  });
});
