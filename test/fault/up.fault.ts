import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pause } from './measured.ts';

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
  for (let i = 0; i < 100 && processesOf(stateHome).length > 0; i++) await pause(100);
  return processesOf(stateHome);
}

describe('npm start', () => {
  let stateHome = '';
  let npm: ChildProcess;

  beforeEach(async () => {
    stateHome = mkdtempSync(join(tmpdir(), 'isthmus-up-'));
    npm = spawn('npm', ['start'], {
      cwd: root,
      env: { ...process.env, XDG_STATE_HOME: stateHome },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    for await (const line of createInterface({ input: npm.stdout! })) if (line.includes('ready in')) break;
    assert.ok(processesOf(stateHome).length > 20);
  });
  afterEach(() => {
    for (const pid of processesOf(stateHome)) process.kill(pid, 'SIGKILL');
    rmSync(stateHome, { recursive: true, force: true });
  });

  it('answers every command of the README', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const commands = [...readme.matchAll(/^node_modules\/\.bin\/isthmus (.*)$/gm)].map(
      ([, args = '']) => args,
    );
    assert.ok(commands.length >= 4);
    for (const args of commands) {
      const options = {
        cwd: root,
        env: { ...process.env, XDG_STATE_HOME: stateHome },
        encoding: 'utf8' as const,
      };
      const { status, stderr } = spawnSync('node_modules/.bin/isthmus', args.split(' '), options);
      assert.equal(status, 0, `isthmus ${args}: ${stderr}`);
    }
  });

  it('leaves no process after Ctrl-C', async () => {
    process.kill(-npm.pid!, 'SIGINT');
    assert.deepEqual(await gone(stateHome), []);
  });

  it('leaves no process after kill -9 of npm', async () => {
    process.kill(npm.pid!, 'SIGKILL');
    assert.deepEqual(await gone(stateHome), []);
  });

  it('leaves no process after kill -9 of up itself', async () => {
    const file = join(stateHome, 'isthmus/sandbox/pid');
    assert.ok(existsSync(file));
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    assert.deepEqual(await gone(stateHome), []);
  });
});
