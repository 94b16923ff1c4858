import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { claimBlock } from '../../sandbox/instance/claim.ts';
import { prepareClusters } from '../../sandbox/instance/clusters.ts';
import { keepOctet, openStateDir, type InstanceOptions } from '../../sandbox/instance/state-dir.ts';
import type { SocketRow } from '../../sandbox/observe/socket-table.ts';
import { ancestors, isAlive, parseStat, type Stat } from '../../sandbox/processes/ancestors.ts';
import { Launcher, type Program } from '../../sandbox/processes/spawn.ts';

describe('sandbox/processes ancestors', () => {
  it('reads a name with parentheses and spaces', () => {
    const fields = ['S', '7', ...Array.from({ length: 17 }, (_, i) => String(i)), '4242'].join(' ');
    assert.deepEqual(parseStat(`12 (a (b) c) ${fields}`), {
      pid: 12,
      name: 'a (b) c',
      state: 'S',
      parent: 7,
      started: '4242',
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

  it('gives no process when the command has ended already', () =>
    assert.equal(pids(4711, 'node', 'bash'), undefined));

  it('recognises a pid that is used again, and a zombie', () => {
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

  it('holds no block when the table of sockets cannot be read', async () => {
    const table = () => {
      throw new Error('no table');
    };
    await assert.rejects(claimBlock({ ...range, table }), /no table/);
    const again = await claimBlock(range);
    assert.equal(again.octet, first);
    again.release();
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

  const open = (over: Partial<InstanceOptions> = {}) => openStateDir(home, { fresh: false, ...over });
  const leave = (dir: string) => {
    for (const name of ['east/manifests', 'hub', 'logs']) mkdirSync(join(dir, name), { recursive: true });
    for (const name of [
      'east/manifests/mine.yaml',
      'hub/hub.db',
      'hub/endpoint.json',
      'endpoint.json',
      'shop-port',
    ])
      writeFileSync(join(dir, name), '');
  };
  const left = (dir: string) =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map(({ name }) => name)
      .sort();

  it('leaves running instances alone', async () => {
    const [one, two] = await Promise.all([open(), open({ fresh: true })]);
    assert.deepEqual([one.name, two.name].sort(), ['sandbox', 'sandbox-2']);
    await assert.rejects(open({ instance: one.name }), {
      code: 'INSTANCE_RUNS',
      message: /give another name/,
    });
    for (const { lock } of [one, two]) lock.release();
  });

  it('goes on with what an earlier run left, but for what belonged to that run', async () => {
    const one = await open({ instance: 'mine' });
    assert.equal(one.octet, undefined);
    keepOctet(one.dir, 77);
    leave(one.dir);
    one.lock.release();
    const next = await open({ instance: 'mine' });
    assert.equal(next.octet, 77);
    assert.deepEqual(left(next.dir), ['hub.db', 'instance.json', 'mine.yaml']);
    next.lock.release();
  });

  it('starts over on demand, and where a start never came as far as having addresses', async () => {
    const one = await open();
    leave(one.dir);
    one.lock.release();
    const next = await open();
    assert.deepEqual(left(next.dir), []);
    keepOctet(next.dir, 77);
    leave(next.dir);
    next.lock.release();
    const fresh = await open({ fresh: true });
    assert.equal(fresh.octet, undefined);
    assert.deepEqual(left(fresh.dir), []);
    fresh.lock.release();
  });

  it('removes nothing when it does not know its addresses any more, and says how to start over', async () => {
    const one = await open();
    leave(one.dir);
    writeFileSync(join(one.dir, 'instance.json'), '{"octet":');
    one.lock.release();
    await assert.rejects(open(), { code: 'INSTANCE_DAMAGED', message: /start over with --fresh/ });
    assert.ok(left(one.dir).includes('mine.yaml'));
    // The refused start holds nothing: the same name can be started over.
    const fresh = await open({ instance: one.name, fresh: true });
    assert.equal(fresh.dir, one.dir);
    fresh.lock.release();
  });
});

describe('sandbox/instance clusters', () => {
  let home = '';
  beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'isthmus-clusters-'))));
  afterEach(() => rmSync(home, { recursive: true }));
  const problems: string[] = [];
  const prepare = () => {
    problems.length = 0;
    return prepareClusters(home, 77, (problem) => problems.push(problem));
  };
  const podsOf = (name: string) =>
    prepare()
      .find((one) => one.name === name)!
      .pods.map((pod) => pod.name);

  it('writes manifests once: edits, new files and removed files are found again', () => {
    const first = podsOf('east');
    const file = join(home, 'east/manifests/east.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n# mine\n`);
    const pod = (name: string, app: string) =>
      `kind: Pod\napiVersion: v1\nmetadata: { name: ${name}, namespace: shop, labels: { app: ${app} } }\n`;
    writeFileSync(
      join(home, 'east/manifests/more.yml'),
      [pod('cart-9', 'cart'), pod('odd', 'db')].join('---\n'),
    );
    rmSync(join(home, 'west/manifests/west.yaml'));
    assert.deepEqual(podsOf('east'), [...first, 'cart-9']);
    assert.deepEqual(problems, ["east: pod shop/odd is not started: the sandbox has no application 'db'"]);
    assert.match(readFileSync(file, 'utf8'), /# mine/);
    assert.deepEqual(podsOf('west'), []);
  });

  it('starts what can be read when a file cannot', () => {
    const first = podsOf('east');
    for (const [name, text] of Object.entries({ 'a.yaml': '{[', 'b.yaml': '- 1\n', 'c.yaml': '&a [*a, *b]' }))
      writeFileSync(join(home, 'east/manifests', name), text);
    assert.deepEqual(podsOf('east'), first);
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
    name,
    flags,
    env: {},
    script: 'test/fakes/short-lived.ts',
  });

  it('reports a program that ends by itself: its status, its log file and its last line', async () => {
    const loss = new Promise<Error>((resolve) => launcher.onLoss(resolve));
    launcher.start(program('hub', 'port 15101 is taken', '3'));
    const { message } = await loss;
    assert.match(message, /^hub ended with 3: see .*logs\/hub\.log; its last line: port 15101 is taken$/);
  });

  it('does not report a program that the launcher killed, and starts none after stop', async () => {
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
