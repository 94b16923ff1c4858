import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readStat } from '../../sandbox/processes/ancestors.ts';
import { pause, timeScale } from './measured.ts';

const root = join(import.meta.dirname, '../..');

/** Every process of this machine whose environment names the state folder: npm, its shell, and all that it started. */
function processesOf(stateHome: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && mentions(pid, stateHome));
}

function mentions(pid: number, stateHome: string): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
    const text =
      readFileSync(`/proc/${pid}/environ`, 'latin1') + readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return state !== 'Z' && text.includes(stateHome);
  } catch {
    return false;
  }
}

async function gone(stateHome: string): Promise<readonly number[]> {
  for (let i = 0; i < 100 * timeScale && processesOf(stateHome).length > 0; i++) await pause(100);
  return processesOf(stateHome);
}

/** Resolves when it says that it is ready. */
async function start(stateHome: string, ...args: string[]): Promise<ChildProcess> {
  const npm = spawn('npm', ['start', ...args], {
    cwd: root,
    env: { ...process.env, XDG_STATE_HOME: stateHome },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines = createInterface({ input: npm.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => line.includes('ready in') && resolve());
    npm.on('exit', (code) => reject(new Error(`npm start ended with ${code} before it was ready`)));
  });
  return npm;
}

const endpointOf = (stateHome: string, instance = 'sandbox') =>
  JSON.parse(readFileSync(join(stateHome, 'isthmus', instance, 'endpoint.json'), 'utf8')) as {
    pid: number;
    url: string;
  };

function isthmus(
  stateHome: string,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, XDG_STATE_HOME: stateHome };
  return spawnSync('node_modules/.bin/isthmus', args, { cwd: root, env, encoding: 'utf8' });
}

/** Listens, where nobody does already. */
const occupy = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(server)).listen(port, '127.0.0.1', () => resolve(server));
  });

/** Beside `isthmus`, which stands still while it waits, as this process has to hold ports meanwhile. */
function ended(stateHome: string, ...args: string[]): Promise<{ status: number | null; stderr: string }> {
  const env = { ...process.env, XDG_STATE_HOME: stateHome };
  const child = spawn(process.execPath, [join(root, 'cli/bin/isthmus.js'), ...args], { env });
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => (stderr += String(bytes)));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stderr })));
}

/** Some end by themselves between the look and the signal. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

describe('npm start', () => {
  let stateHome = '';
  beforeEach(() => (stateHome = mkdtempSync(join(tmpdir(), 'isthmus-up-'))));
  afterEach(() => {
    for (const pid of processesOf(stateHome)) endProcess(pid);
    rmSync(stateHome, { recursive: true, force: true });
  });

  it('answers every command of the README', async () => {
    await start(stateHome);
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const commands = [...readme.matchAll(/^node_modules\/\.bin\/isthmus (.*)$/gm)].map(
      ([, args = '']) => args,
    );
    assert.ok(commands.length >= 4);
    for (const args of commands) {
      const { status, stderr } = isthmus(stateHome, ...args.split(' '));
      assert.equal(status, 0, `isthmus ${args}: ${stderr}`);
    }
  });

  it('leaves no process after Ctrl-C', async () => {
    const npm = await start(stateHome);
    assert.ok(processesOf(stateHome).length > 20);
    process.kill(-npm.pid!, 'SIGINT');
    assert.deepEqual(await gone(stateHome), []);
  });

  /** From `up` itself to npm. */
  const chainOf = (npm: ChildProcess): readonly number[] => {
    const chain = [endpointOf(stateHome).pid];
    for (let pid = chain[0]!; pid !== npm.pid; chain.push(pid)) pid = readStat(pid)!.parent;
    return chain;
  };
  for (const [who, place] of Object.entries({ 'up itself': 0, isthmus: 1, 'the shell of npm': -2, npm: -1 }))
    it(`leaves no process after kill -9 of ${who}`, async () => {
      const chain = chainOf(await start(stateHome));
      assert.ok(chain.length >= 4);
      process.kill(chain.at(place)!, 'SIGKILL');
      assert.deepEqual(await gone(stateHome), []);
    });

  it('goes on with what people changed, after Ctrl-C and after kill -9, and starts over with --fresh', async () => {
    const manifest = () => join(stateHome, 'isthmus/sandbox/east/manifests/east.yaml');
    const drained = () => isthmus(stateHome, 'clusters', '-o', 'json').stdout.includes('"drainPercent": 30');
    const npm = await start(stateHome);
    appendFileSync(manifest(), '# an edit\n');
    assert.equal(isthmus(stateHome, 'drain', 'east', '--percent', '30', '--yes').status, 0);
    process.kill(-npm.pid!, 'SIGINT');
    assert.deepEqual(await gone(stateHome), []);
    const again = await start(stateHome);
    assert.match(readFileSync(manifest(), 'utf8'), /# an edit/);
    assert.ok(drained());
    process.kill(chainOf(again)[0]!, 'SIGKILL');
    assert.deepEqual(await gone(stateHome), []);
    await start(stateHome);
    assert.ok(drained());
    for (const pid of processesOf(stateHome)) process.kill(pid, 'SIGKILL');
    assert.deepEqual(await gone(stateHome), []);
    await start(stateHome, '--', '--fresh');
    assert.doesNotMatch(readFileSync(manifest(), 'utf8'), /# an edit/);
    assert.ok(!drained());
  });

  it('ends with status 1 and one sentence when the reader of its output goes away (| head -1)', async () => {
    const env = { ...process.env, XDG_STATE_HOME: stateHome };
    const child = spawn(process.execPath, [join(root, 'cli/bin/isthmus.js'), 'up'], { env });
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += String(bytes)));
    child.stdout.once('data', () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^the reader of standard output has closed it, so everything was stopped: .*redirect to a file.*\n$/,
    );
    assert.deepEqual(await gone(stateHome), []);
  });

  it('ends with status 1 and says which log to read when the hub cannot start', async () => {
    const ports = Array.from({ length: 101 }, (_, index) => 8080 + index);
    const busy = await Promise.all(ports.map(occupy));
    try {
      const { status, stderr } = await ended(stateHome, 'up');
      assert.equal(status, 1);
      assert.match(stderr, /^hub ended with 1: see \S+hub\.log; its last line: .*EADDRINUSE/m);
      assert.deepEqual(await gone(stateHome), []);
    } finally {
      for (const server of busy) server.close();
    }
  });

  it('runs twice at once beside a port 8080 that is taken, each named by --instance', async () => {
    const busy = await occupy(8080);
    try {
      await start(stateHome);
      await start(stateHome);
      const ports = ['sandbox', 'sandbox-2'].map((name) => new URL(endpointOf(stateHome, name).url).port);
      assert.equal(new Set([...ports, '8080']).size, 3);
      assert.equal(isthmus(stateHome, 'clusters').status, 2);
      for (const name of ['sandbox', 'sandbox-2'])
        assert.equal(isthmus(stateHome, 'clusters', '--instance', name).status, 0);
    } finally {
      busy.close();
    }
  });

  it('uses the folder and the name of --instance, and so does a tour, which that folder refuses while it runs', async () => {
    const npm = await start(stateHome, '--', '--instance', 'night');
    const folders = () => readdirSync(join(stateHome, 'isthmus')).filter((name) => name !== 'compile-cache');
    assert.deepEqual(folders(), ['night']);
    assert.ok(existsSync(join(stateHome, 'isthmus/night/hub/hub.db')));
    assert.equal(isthmus(stateHome, 'clusters', '--instance', 'night').status, 0);
    const other = isthmus(stateHome, 'clusters', '--instance', 'sandbox');
    assert.equal(other.status, 3);
    assert.match(other.stderr, /no instance 'sandbox' is running/);
    for (const command of ['up', 'tour']) {
      const { status, stderr } = await ended(stateHome, command, '--instance', 'night');
      assert.equal(status, 1);
      assert.match(stderr, /^instance 'night' is running already: stop it first/);
    }
    assert.deepEqual(folders(), ['night']);
    process.kill(-npm.pid!, 'SIGINT');
    assert.deepEqual(await gone(stateHome), []);
  });
});
