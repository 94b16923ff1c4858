import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ask } from '../../sandbox/instance/api.ts';
import { until } from '../../sandbox/processes/wait.ts';
import { up, type Sandbox } from '../../sandbox/up.ts';
import { timeScale, within } from './measured.ts';

const clock = systemClock;

interface Seen {
  readonly cluster: { readonly conditions: readonly { readonly reason: string; readonly object: string }[] };
  readonly service: { readonly clusters: readonly { readonly cluster: string; readonly healthy: number }[] };
}

const query = `{ cluster(name: "east") { conditions { reason object } }
  service(namespace: "shop", name: "catalogue") { clusters { cluster healthy } } }`;
const plan = `{ simulateFailover(input: { from: { cluster: "west" }, services: [{ namespace: "shop", name: "catalogue" }] }) {
  warnings { message } userErrors { message } } }`;

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
  const warnings = async () => {
    const { simulateFailover } = await ask<{ simulateFailover: { warnings: { message: string }[] } }>(
      sandbox.endpoint,
      plan,
    );
    return simulateFailover.warnings.map(({ message }) => message).join('\n');
  };
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
});
