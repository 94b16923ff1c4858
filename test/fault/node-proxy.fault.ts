import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ask, mutate } from '../../sandbox/instance/api.ts';
import { FreshLoad } from '../../sandbox/observe/load.ts';
import { until } from '../../sandbox/processes/wait.ts';
import { aim } from '../../sandbox/tour/addresses.ts';
import { up, type Sandbox } from '../../sandbox/up.ts';
import { pause, timeScale, within } from './measured.ts';

const clock = systemClock;

interface Seen {
  readonly cluster: { readonly conditions: readonly { readonly reason: string; readonly object: string }[] };
  readonly service: { readonly clusters: readonly { readonly cluster: string; readonly healthy: number }[] };
}

const query = `{ cluster(name: "east") { conditions { reason object } }
  service(namespace: "shop", name: "catalogue") { clusters { cluster healthy } } }`;
const plan = `{ simulateFailover(input: { from: { cluster: "west" }, services: [{ namespace: "shop", name: "catalogue" }] }) {
  planId unreachable warnings { message } userErrors { message } } }`;
const execution = `mutation($input: ExecuteFailoverInput!) { result: executeFailover(input: $input) {
  warnings { code message } userErrors { code field message } } }`;

interface Plan {
  readonly planId: string;
  readonly unreachable: readonly string[];
  readonly warnings: readonly { readonly message: string }[];
}

interface Executed {
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly userErrors: [];
}

describe('a node whose ztunnel is killed', () => {
  let stateHome = '';
  let sandbox: Sandbox;

  before(async () => {
    stateHome = mkdtempSync(join(tmpdir(), 'isthmus-fault-'));
    const env = { ...process.env, XDG_STATE_HOME: stateHome };
    sandbox = await up({ clock, tap: false, progress: () => undefined, env });
  });
  after(async () => {
    await sandbox.stop();
    rmSync(stateHome, { recursive: true, force: true });
  });

  const healthy = async () => {
    const { service } = await ask<Seen>(sandbox.endpoint, query);
    return service.clusters.find(({ cluster }) => cluster === 'east')?.healthy;
  };
  const conditions = async () => {
    const { cluster } = await ask<Seen>(sandbox.endpoint, query);
    return cluster.conditions.map(({ reason, object }) => `${reason} ${object}`);
  };
  const simulated = async () =>
    (await ask<{ simulateFailover: Plan }>(sandbox.endpoint, plan)).simulateFailover;
  const warnings = async () => (await simulated()).warnings.map(({ message }) => message).join('\n');
  const limit = { within: 60_000 * timeScale };
  const reached = (what: string, holds: () => Promise<boolean>) =>
    until(clock, what, async () => ((await holds()) ? true : undefined), limit);

  it('is a condition of its cluster, its endpoints leave, a plan towards it warns, and all clears with it', async () => {
    await reached('health', async () => (await healthy()) === 2 && (await conditions()).length === 0);
    assert.equal(await warnings(), '');
    const victim = sandbox.launcher.get('east-ztunnel-east-b');
    assert.ok(victim);
    const killed = clock.monotonic();
    victim.kill('SIGKILL');
    await reached('its endpoint to leave', async () => (await healthy()) === 1);
    within('its endpoints are not healthy', clock.monotonic() - killed, 7000);
    await reached('the condition', async () => (await conditions()).length > 0);
    within('its cluster has the condition', clock.monotonic() - killed, 8000);
    assert.deepEqual(await conditions(), ['PROXY_NOT_CONNECTED Pod istio-system/ztunnel-east-b']);
    assert.match(await warnings(), /shop\/catalogue has 1 of 2 endpoints healthy in east/);
    const started = clock.monotonic();
    sandbox.launcher.start(victim.program);
    await reached('its return', async () => (await healthy()) === 2 && (await conditions()).length === 0);
    within('its endpoints are healthy again and the condition is gone', clock.monotonic() - started, 10_000);
    assert.equal(await warnings(), '');
  });

  it('makes plans stale that were made before; a failover towards its cluster is executed with a warning, and no call reaches the node', async () => {
    await reached('health', async () => (await healthy()) === 2 && (await conditions()).length === 0);
    const { planId: before } = await simulated();
    sandbox.launcher.get('east-ztunnel-east-b')?.kill('SIGKILL');
    await reached('its endpoint to leave', async () => (await healthy()) === 1);
    const { planId, unreachable } = await simulated();
    assert.deepEqual(unreachable, [], 'its agent is there');
    const half =
      /^TARGET_UNHEALTHY: shop\/catalogue has 1 of 2 endpoints healthy in east: isthmus check --cluster east/;
    await assert.rejects(
      mutate<Executed>(sandbox.endpoint, execution, { planId: before }),
      /PLAN_STALE: .*\(endpoints of shop\/catalogue\): simulate again/,
    );
    const { warnings: said } = await mutate<Executed>(sandbox.endpoint, execution, { planId });
    assert.match(said.map(({ code, message }) => `${code}: ${message}`).join('\n'), half);
    // Until the failover has reached every proxy.
    await pause(3000 * timeScale);
    for (const [cluster, pod] of [
      ['east', 'frontend'],
      ['south', 'orders-ambient'],
    ] as const) {
      const load = new FreshLoad(aim(sandbox, { cluster, pod }, 'catalogue'), 40, clock).start();
      await pause(3000);
      const { served, failures } = await load.stop();
      console.log(`      ${served.length} calls from ${cluster} were answered, ${failures.length} were not`);
      assert.ok(served.length >= 40);
      assert.deepEqual(failures, []);
      assert.ok(served.every((one) => one.cluster === 'east'));
    }
  });
});
