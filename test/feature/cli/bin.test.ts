import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { startTestHub, type TestHub } from '../../fakes/hub.ts';

const bin = join(import.meta.dirname, '../../../cli/bin/isthmus.js');

function start(node: string, args: readonly string[], env: Record<string, string> = {}, input = '') {
  const child = spawn(node, [bin, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  child.stdin.end(input);
  return new Promise<{ status: number | null; out: string; err: string }>((resolve) =>
    child.on('close', (status) => resolve({ status, out, err })),
  );
}

/** A Node on the PATH that cannot run TypeScript, as a newcomer may have one. */
function olderNode(): string | undefined {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return found
    .filter((path) => existsSync(path))
    .find((path) => {
      const major = Number(
        execFileSync(path, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' }),
      );
      return major >= 20 && major < 24;
    });
}

describe('the isthmus binary', () => {
  let hub: TestHub;
  let env: Record<string, string> = {};
  before(async () => {
    hub = await startTestHub();
    env = { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token };
  });
  after(() => hub.stop());

  it('passes on arguments, standard input and the status', async () => {
    const { status, out } = await start(process.execPath, ['clusters'], env);
    assert.equal(status, 0);
    assert.match(out, /isthmus token/);
    const bad = await start(process.execPath, ['policy', 'apply', '-f', '-'], env, 'kind: Pod');
    assert.equal(bad.status, 2);
    assert.match(bad.err, /standard input: document 1/);
    assert.equal((await start(process.execPath, ['clusters'], { ...env, ISTHMUS_TOKEN: 'x' })).status, 6);
  });

  it('runs under an older Node too, by the one that comes with it', async function () {
    const node = olderNode();
    if (node === undefined) {
      console.log('      NOT RUN: no Node from 20 to 23 is on the PATH');
      return this.skip();
    }
    const { status, out, err } = await start(node, ['clusters'], env);
    assert.equal(status, 0, err);
    assert.match(out, /isthmus token/);
  });
});
