import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as wire from '@isthmus/api/wire/link.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { Launcher, type Program, type Running } from '../../sandbox/processes/spawn.ts';
import { TestAgent } from '../fakes/agent.ts';
import { fleetManifests, fleetOf, type SimulatedProxy } from '../fakes/fleet.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { pause, timeScale, within } from './measured.ts';

const [nodes, sidecars] = [60, 39];

/** What a second cluster received of the first, each time that something came. */
class Received {
  readonly #agent: TestAgent;
  #lowest = new Map<string, number>();
  removals: string[] = [];

  constructor(agent: TestAgent) {
    this.#agent = agent;
    const { hubStore } = agent;
    const apply = hubStore.apply.bind(hubStore);
    hubStore.apply = (type, resources, removed) => {
      const rejected = apply(type, resources, removed);
      if (type === 'remote') this.#look(removed);
      // It has no proxies, so an intermediate is in force there as soon as it is received.
      if (type === 'intermediate') for (const { name, version } of resources) this.#applied(name, version);
      return rejected;
    };
  }

  /** Healthy endpoints that can be entered for: none where no gateway is ready. */
  healthy(service: string): number {
    const remote = this.#agent.hubStore.view.remotes.get(`east/shop/${service}`);
    if (!remote?.gateways.some(({ ready }) => ready)) return 0;
    return remote.groups.reduce((sum, group) => sum + group.healthy, 0);
  }

  /** The fewest since the last call. */
  lowest(): Record<string, number> {
    const lowest = Object.fromEntries(this.#lowest);
    this.#lowest = new Map(['cart', 'side'].map((name) => [name, this.healthy(name)]));
    this.removals = [];
    return lowest;
  }

  #applied(keyId: string, version: string): void {
    const subject = `intermediate/${keyId}`;
    const report = { subject, version, state: 'APPLIED' as const, message: '', proxies: 0 };
    this.#agent.report('applied', subject, wire.appliedReport.encode(report));
  }

  #look(removed: readonly string[]): void {
    this.removals.push(...removed);
    for (const name of ['cart', 'side'])
      this.#lowest.set(name, Math.min(this.#lowest.get(name) ?? Infinity, this.healthy(name)));
  }
}

describe(`the health of a cluster with ${nodes + sidecars + 1} proxies, at another cluster`, () => {
  let hub: TestHub;
  let west: TestAgent;
  let received: Received;
  let launcher: Launcher;
  let east: Program;
  let fleet: ReadonlyMap<string, SimulatedProxy>;
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-fleet-'));

  const eventually = async (what: string, holds: () => boolean | Promise<boolean>, limit = 60_000) => {
    const start = performance.now();
    while (!(await holds())) {
      assert.ok(performance.now() - start < limit * timeScale, `${what} did not happen`);
      await pause(20);
    }
    return performance.now() - start;
  };
  const look = async () => {
    const query = '{ cluster(name: "east") { state proxiesConnected } }';
    const { data } = await hub.ask<{ cluster: { state: string; proxiesConnected: number } }>(query);
    return data!.cluster;
  };
  const reasons = async () => {
    const query = '{ cluster(name: "east") { conditions { reason object } } }';
    const { data } = await hub.ask<{ cluster: { conditions: { reason: string; object: string }[] } }>(query);
    return data!.cluster.conditions.map(({ reason, object }) => `${reason} ${object}`.trim());
  };

  before(async () => {
    hub = await startTestHub();
    const at = (rest: string) => `127.${hub.octet}.${rest}`;
    west = (await new TestAgent('west', at('17.1')).join(hub)).connect();
    received = new Received(west);
    const token = await hub.ask<{ result: { token: string } }>(
      'mutation { result: createJoinToken(input: { cluster: "east" }) { token } }',
    );
    writeFileSync(join(folder, 'join-token'), token.data!.result.token);
    fleetManifests(join(folder, 'manifests'), 'network-east', nodes, sidecars);
    launcher = new Launcher(folder, join(folder, 'cache'));
    const stateDir = join(folder, 'state');
    const flags = ['--cluster', 'east', '--state-dir', stateDir, '--manifests', join(folder, 'manifests')];
    flags.push('--addresses', at('32.0/20'), '--xds-listen', `${at('16.1')}:15012`, '--bind', at('16.1'));
    flags.push('--join-token-file', join(folder, 'join-token'), '--parent-pipe');
    east = { name: 'east-agent', script: 'cluster-agent/main.ts', flags, env: {} };
    launcher.start(east);
    const where = { cluster: 'east', network: 'network-east', stateDir, xds: `${at('16.1')}:15012` };
    fleet = fleetOf(where, nodes, sidecars);
    await Promise.all([...fleet.values()].map((proxy) => proxy.start()));
    await eventually(
      'all to be healthy',
      () => received.healthy('cart') === nodes && received.healthy('side') === sidecars,
    );
    // Conditions come with the cluster's report, which is made once a second.
    await eventually('its conditions to be gone', async () => (await reasons()).length === 0, 3000);
  });
  after(async () => {
    for (const proxy of fleet.values()) proxy.kill();
    west.end();
    await launcher.stop(2000, (millis, run) => systemClock.after(millis, run));
    hub.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('loses nothing when the agent is killed and comes back', async () => {
    assert.deepEqual(await reasons(), []);
    received.lowest();
    const killed = launcher.get('east-agent') as Running;
    killed.kill('SIGKILL');
    await killed.exited;
    await eventually('the loss of the link', async () => (await look()).state === 'UNREACHABLE');
    launcher.start(east);
    const back = await eventually('all to be back', async () => {
      const { state, proxiesConnected } = await look();
      return state === 'ACTIVE' && proxiesConnected === fleet.size;
    });
    console.log(`      ${fleet.size} proxies are back ${Math.round(back)} ms after the agent was started`);
    // Beyond the 30 s for which the last values hold.
    await pause(32_000);
    assert.deepEqual(received.removals, []);
    assert.deepEqual(received.lowest(), { cart: nodes, side: sidecars });
    assert.deepEqual(await reasons(), []);
  });

  it('loses nothing when one ztunnel is restarted', async () => {
    received.lowest();
    const proxy = fleet.get('z-n7')!;
    proxy.kill();
    await pause(2000);
    await proxy.start();
    await pause(6000);
    assert.deepEqual(received.removals, []);
    assert.deepEqual(received.lowest(), { cart: nodes, side: sidecars });
  });

  it('loses the endpoints of a ztunnel that stays away, and of no other, and has them back with it', async () => {
    const proxy = fleet.get('z-n7')!;
    proxy.kill();
    const left = await eventually('its endpoint to leave', () => received.healthy('cart') === nodes - 1);
    assert.ok(left >= 5000 - 100, `it left after ${left} ms`);
    within('the endpoint of a ztunnel that is gone, until it has left another cluster', left, 7000);
    const shown = await eventually('the condition', async () => (await reasons()).length > 0);
    within('the condition of the cluster, after that', shown, 2000);
    assert.deepEqual(await reasons(), ['PROXY_NOT_CONNECTED Pod istio-system/z-n7']);
    await proxy.start();
    const back = await eventually('its return', () => received.healthy('cart') === nodes);
    within('its endpoint, back at another cluster', back, 2000);
    await eventually('the condition to clear', async () => (await reasons()).length === 0);
  });
});
