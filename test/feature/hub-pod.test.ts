import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programFlags } from '@isthmus/sandbox/processes/spawn.ts';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { HubProcess } from '../fakes/hub-process.ts';

const root = join(import.meta.dirname, '../..');

describe('a hub as a pod', () => {
  let dir = '';
  let claim: Claim;
  let hub: HubProcess | undefined;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-pod-'));
    claim = await claimBlock({ first: 150, table: () => [] });
  });
  afterEach(async () => {
    await hub?.kill();
    claim.release();
    rmSync(dir, { recursive: true });
  });
  const state = () => join(dir, 'hub');
  const start = async () => (hub = await new HubProcess(state(), claim.octet).ready());

  it('ends by SIGTERM with status 0 while agents, subscribers and strangers are connected, and leaves the folder free', async () => {
    const one = await start();
    const ask = async <T>(query: string) => ({ data: await one.ask<T>(query) });
    const agent = (await new TestAgent('east', `127.${claim.octet}.16.1`).join({ ask })).connect();
    await until(() => agent.link?.synced);
    const endpoint = JSON.parse(readFileSync(join(state(), 'endpoint.json'), 'utf8')) as { url: string };
    const token = readFileSync(join(state(), 'admin-token'), 'utf8').trim();
    const subscription = await fetch(endpoint.url, {
      method: 'POST',
      body: JSON.stringify({ query: 'subscription { clusterChanged { name } }' }),
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${token}`,
      },
    });
    assert.equal(subscription.status, 200);
    const stranger = connect(15101, `127.${claim.octet}.0.1`).on('error', () => undefined);
    await once(stranger, 'connect');
    one.child.kill('SIGTERM');
    assert.equal(await one.status(), 0);
    await subscription.text().catch(() => '');
    const again = await start();
    const { clusters } = await again.ask<{ clusters: { nodes: { name: string }[] } }>(
      '{ clusters(first: 9) { nodes { name } } }',
    );
    assert.deepEqual(clusters.nodes, [{ name: 'east' }]);
    agent.end();
  });

  it('takes the volume of one that was killed on another node, whatever its files say', async () => {
    const one = await start();
    await one.kill('SIGKILL');
    const file = join(state(), 'lock-holder.json');
    writeFileSync(file, JSON.stringify({ pid: 1, host: 'isthmus-hub-0', program: 'isthmus-federation' }));
    await start();
  });

  it('does not start beside one that is still there, and says which', async () => {
    await start();
    const second = new HubProcess(state(), claim.octet);
    assert.equal(await second.status(), 1);
    assert.match(second.log, /is in use by process \d+ \(isthmus-federation\)/);
  });

  it('writes nothing but its state folder: its root file system may be read-only', async function () {
    const script = `mount --make-rprivate / && mkdir -p ${state()} && mount --bind ${state()} ${state()} && mount -o remount,ro,bind / && exec "$@"`;
    mkdirSync(state());
    if (spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', 'true']).status !== 0) {
      console.log('      DID NOT RUN: it takes root that may mount');
      return this.skip();
    }
    const at = `127.${claim.octet}.0.1`;
    const flags = [
      ...[
        '--state-dir',
        join(state(), 'own'),
        '--link-listen',
        `${at}:15101`,
        '--join-listen',
        `${at}:15102`,
      ],
      ...['--api-listen', `${at}:18080`, '--admin-listen', `${at}:15014`],
    ];
    const main = join(root, 'federation/main.ts');
    const program = [process.execPath, ...programFlags('federation/main.ts'), main, ...flags];
    const child = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', ...program], {
      cwd: '/',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => (log += text.toString()));
    await until(() => log.includes('hub ready') || child.exitCode !== null);
    child.kill('SIGTERM');
    const [status] = (await once(child, 'exit')) as [number];
    assert.equal(status, 0, log);
    assert.match(log, /hub ready/);
    assert.doesNotMatch(log, /EROFS|read-only/);
    assert.ok(existsSync(join(state(), 'own/hub.db')));
  });
});
