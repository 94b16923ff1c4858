import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const bin = join(import.meta.dirname, '../../cli/bin/isthmus.js');

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], env: Record<string, string>, input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [bin, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ status: code ?? -1, out, err })));
}

const policy = `apiVersion: isthmus.io/v1alpha1
kind: AccessPolicy
metadata: { name: from-file }
spec:
  effect: DENY
  target: { namespace: shop, labels: { app: cart } }
  rules: [{ ports: [8082] }]
`;

describe('the command line', () => {
  let hub: TestHub;
  let home = '';
  let env: Record<string, string> = {};
  before(async () => {
    hub = await startTestHub(242);
    home = mkdtempSync(join(tmpdir(), 'isthmus-cli-'));
    env = { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token, XDG_STATE_HOME: home };
  });
  after(() => {
    hub.stop();
    rmSync(home, { recursive: true });
  });

  it('helps, for itself and for every command, with status 0', async () => {
    const help = await run(['--help'], env);
    assert.equal(help.status, 0);
    const commands = [
      'up',
      'tour',
      'clusters',
      'services',
      'workloads',
      'policy',
      'export',
      'unexport',
      'failover',
      'drain',
      'undrain',
      'trust',
      'token',
    ];
    for (const command of commands) assert.match(help.out, new RegExp(`^  ${command}\\b`, 'm'));
    const nested = await Promise.all(
      [['policy', 'apply'], ['failover', 'execute'], ['drain'], ['token']].map((path) =>
        run([...path, '--help'], env),
      ),
    );
    for (const { status, out } of nested) assert.ok(status === 0 && out.includes('--dry-run'));
  });

  it('prints a token and nothing else, and shows it nowhere again', async () => {
    const { status, out } = await run(['token', 'north'], env);
    assert.equal(status, 0);
    assert.match(out, /^isthmus-join\.v1\.\S+\n$/);
  });

  it('applies a policy from standard input, lists it as a table and as JSON, and deletes it', async () => {
    assert.equal((await run(['policy', 'apply', '-f', '-'], env, policy)).status, 0);
    const table = await run(['policy', 'list'], env);
    assert.match(table.out, /^POLICY +EFFECT/);
    assert.match(table.out, /from-file +DENY +shop/);
    const json = await run(['policy', 'list', '--output', 'json'], env);
    assert.equal((JSON.parse(json.out) as { effect: string }[])[0]?.effect, 'DENY');
    assert.equal((await run(['policy', 'delete', 'from-file'], env)).status, 0);
  });

  const ends: Record<string, { args: string[]; status: number; says: RegExp }> = {
    'usage, for an unknown command': { args: ['clutsers'], status: 2, says: /unknown command/ },
    'usage, for traffic that nobody confirmed': { args: ['drain', 'nowhere'], status: 2, says: /--yes/ },
    'not found, for no such cluster': {
      args: ['drain', 'nowhere', '--yes'],
      status: 4,
      says: /no member cluster/,
    },
    'not found, for no such plan': {
      args: ['failover', 'execute', 'x', '--yes'],
      status: 4,
      says: /simulate again/,
    },
    'unreachable, for a hub that is not there': {
      args: ['clusters', '--endpoint', 'http://127.0.0.1:1/graphql'],
      status: 3,
      says: /no answer/,
    },
  };
  for (const [what, { args, status, says }] of Object.entries(ends))
    it(`ends with ${status}: ${what}`, async () => {
      const ended = await run(args, env);
      assert.equal(ended.status, status, ended.err);
      assert.match(ended.err, says);
    });

  it('ends with 6 when it is denied, and with 3 when nothing runs here', async () => {
    assert.equal((await run(['clusters'], { ...env, ISTHMUS_TOKEN: 'wrong' })).status, 6);
    const alone = await run(['clusters'], { XDG_STATE_HOME: home });
    assert.equal(alone.status, 3);
    assert.match(alone.err, /isthmus up/);
  });

  it('finds the one instance that runs, and asks which when there are two', async () => {
    const endpoint = JSON.stringify({
      url: hub.url,
      tokenFile: join(hub.stateDir, 'admin-token'),
      pid: process.pid,
    });
    const { mkdirSync } = await import('node:fs');
    for (const name of ['sandbox', 'sandbox-2']) {
      mkdirSync(join(home, 'isthmus', name), { recursive: true });
      writeFileSync(join(home, 'isthmus', name, 'endpoint.json'), endpoint);
      const found = await run(['clusters'], { XDG_STATE_HOME: home });
      assert.equal(found.status, name === 'sandbox' ? 0 : 2, found.err);
    }
    assert.equal((await run(['clusters', '--instance', 'sandbox'], { XDG_STATE_HOME: home })).status, 0);
  });
});
