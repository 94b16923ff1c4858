import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { claimBlock } from '../../sandbox/instance/claim.ts';
import { freshStateDir } from '../../sandbox/instance/state-dir.ts';
import type { SocketRow } from '../../sandbox/observe/socket-table.ts';
import { ancestors, isAlive, parseStat, type Stat } from '../../sandbox/processes/ancestors.ts';
import { Launcher, type Program } from '../../sandbox/processes/spawn.ts';

describe('sandbox/processes ancestors', () => {
  it('reads a name with parentheses and spaces', () => {
    const fields = ['S', '7', ...Array.from({ length: 17 }, (_, i) => String(i)), '4242'].join(' ');
    assert.deepEqual(parseStat(`12 (a (b) c) ${fields}`), {
      ...{ pid: 12, name: 'a (b) c', state: 'S', parent: 7, started: '4242' },
    });
  });

  /** From the parent up. */
  const family = (...names: string[]) => {
    const table = new Map<number, Stat>();
    names.forEach((name, index) => {
      const [pid, parent] = [
        index === 0 ? process.ppid : 400 + index,
        index + 1 < names.length ? 401 + index : 1,
      ];
      table.set(pid, { pid, parent, name, state: 'S', started: `start-${pid}` });
    });
    return (pid: number) => table.get(pid);
  };
  const pids = (command: number | undefined, ...names: string[]) =>
    ancestors(command, family(...names))?.map(({ pid }) => pid);

  it('goes up to npm, with the command and a shell between it and us', () =>
    assert.deepEqual(pids(401, 'node', 'node', 'sh', 'npm start', 'bash'), [process.ppid, 401, 402, 403]));

  it('goes up to the command where npm is not among them', () => {
    assert.deepEqual(pids(401, 'node', 'node', 'bash', 'sshd'), [process.ppid, 401]);
    assert.deepEqual(pids(process.ppid, 'node', 'bash'), [process.ppid]);
  });

  it('takes the parent alone when no command was named', () =>
    assert.deepEqual(pids(undefined, 'bash', 'sshd'), [process.ppid]));

  it('gives nobody when the command is gone already', () =>
    assert.equal(pids(4711, 'node', 'bash'), undefined));

  it('tells a pid that is used again, and one that nobody has waited for', () => {
    const read = family('bash');
    const [parent] = ancestors(undefined, read) ?? [];
    assert.ok(parent);
    assert.equal(isAlive(parent, read), true);
    assert.equal(isAlive({ ...parent, started: 'earlier' }, read), false);
    assert.equal(
      isAlive(parent, (pid) => ({ ...read(pid)!, state: 'Z' })),
      false,
    );
  });
});

describe('sandbox/instance claim', () => {
  // Two blocks that another run of the tests on this machine does not claim.
  const first = 230 + 2 * (process.pid % 10);
  const range = { first, last: first + 1, table: () => [] };

  it('gives two claimers different blocks, and a released one again', async () => {
    const one = await claimBlock(range);
    const two = await claimBlock(range);
    assert.notEqual(one.octet, two.octet);
    await assert.rejects(claimBlock(range), { code: 'NO_FREE_BLOCK' });
    one.release();
    const again = await claimBlock(range);
    assert.equal(again.octet, one.octet);
    again.release();
    two.release();
  });

  const left: Record<string, Partial<SocketRow>> = {
    'a connection that was': { local: '127.0.0.1', remote: `127.${first}.17.3`, state: '06' },
    'a listener': { local: `127.${first}.0.1`, remote: '0.0.0.0', state: '0A' },
  };
  for (const [what, row] of Object.entries(left))
    it(`passes over a block in which the kernel still has ${what}`, async () => {
      const table = () => [{ localPort: 1, remotePort: 2, ...row } as SocketRow];
      const claim = await claimBlock({ ...range, table });
      assert.equal(claim.octet, first + 1);
      claim.release();
    });
});

describe('sandbox/instance state folder', () => {
  let home = '';
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'isthmus-state-'))));
  afterEach(() => rmSync(home, { recursive: true }));

  it('leaves what runs alone, whoever runs it, and empties what has ended', async () => {
    const [one, two] = await Promise.all([freshStateDir(home), freshStateDir(home)]);
    assert.deepEqual([one.dir, two.dir].map((dir) => dir.slice(home.length + 1)).sort(), [
      'sandbox',
      'sandbox-2',
    ]);
    for (const { dir } of [one, two]) writeFileSync(join(dir, 'kept'), '');
    one.lock.release();
    const next = await freshStateDir(home);
    assert.equal(next.dir, one.dir);
    assert.deepEqual(
      [one.dir, two.dir].map((dir) => existsSync(join(dir, 'kept'))),
      [false, true],
    );
    for (const { lock } of [next, two]) lock.release();
  });
});

describe('sandbox/processes launcher', () => {
  let home = '';
  let launcher: Launcher;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'isthmus-launch-'));
    launcher = new Launcher(home, join(home, 'cache'));
  });
  afterEach(async () => {
    await launcher.stop(3000, (millis, run) => systemClock.after(millis, run));
    rmSync(home, { recursive: true });
  });
  const program = (name: string, ...flags: string[]): Program => ({
    ...{ name, flags, env: {}, script: 'test/fakes/short-lived.ts' },
  });

  it('tells of a program that ends by itself: how, where its log is and what it said last', async () => {
    const loss = new Promise<Error>((resolve) => launcher.onLoss(resolve));
    launcher.start(program('hub', 'port 15101 is taken', '3'));
    const { message } = await loss;
    assert.match(message, /^hub ended with 3: see .*logs\/hub\.log; its last line: port 15101 is taken$/);
  });

  it('tells nothing of one that was killed from here, and starts none once all are stopped', async () => {
    const losses: Error[] = [];
    launcher.onLoss((loss) => losses.push(loss));
    const running = launcher.start(program('hub', 'up'));
    running.kill('SIGKILL');
    await running.exited;
    await launcher.stop(3000, (millis, run) => systemClock.after(millis, run));
    assert.deepEqual(losses, []);
    assert.throws(() => launcher.start(program('hub', 'late')), { code: 'STOPPED' });
  });
});
