import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openKube, type KubeWorld } from '../../bench/size/kube/world.ts';
import { Stage } from '../../bench/size/stage.ts';
import { withAssets } from '../kube/start-api-server.ts';

describe('npm run bench:agent without an API server', () => {
  it('says what to set and ends with 2', () => {
    const main = join(import.meta.dirname, '../../bench/size/kube/main.ts');
    const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', main], {
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    assert.equal(status, 2);
    assert.match(stderr, /set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver/);
  });
});

withAssets('npm run bench:agent on a real API server, at its least size', () => {
  const sizes = { pods: 20, services: 2, clients: 2, changing: 2 };
  let stage: Stage;
  let world: KubeWorld;
  before(async () => {
    stage = await Stage.set();
    world = await openKube(stage, sizes, new AbortController().signal);
  });
  after(() => stage.clear());

  it('syncs all clients whole and refuses none', () => {
    const { one, all } = world;
    for (const { addresses, refused } of [one, all]) {
      assert.ok(addresses >= sizes.pods + sizes.services, `${addresses}`);
      assert.equal(refused, 0);
    }
  });

  it('times each change of readiness from its patch until each client has it', async () => {
    const { times, changes, answered } = await world.clients.ask('flip', { pods: 2, millis: 1500 });
    assert.ok(changes > 0);
    assert.equal(answered.length, changes);
    assert.equal(times.length, changes * sizes.clients);
    assert.ok(times.every((time) => time > 0));
  });
});
