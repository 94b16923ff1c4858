import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';

const program = join(import.meta.dirname, '../../fakes/folder-holder.ts');

describe('the lock of a state folder', () => {
  let dir = '';
  const children: ChildProcess[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-lock-'));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child);
    rmSync(dir, { recursive: true });
  });

  /** What the process said first. */
  async function holder(folder = dir): Promise<{ child: ChildProcess; said: string }> {
    const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [said] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return { child, said };
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it('is refused to a second process with an error that names the pid and program of the first', async () => {
    const first = await holder();
    assert.equal(first.said, 'held');
    const second = await holder();
    assert.match(
      second.said,
      new RegExp(`in use by process ${first.child.pid} \\(holder\\): stop that process`),
    );
    assert.throws(() => lockFolder(dir, 'test'), { code: 'FOLDER_IN_USE' });
  });

  it('is given to one of several that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => holder()));
    assert.equal(all.filter(({ said }) => said === 'held').length, 1);
  });

  it('is free again after its holder was killed, without anybody clearing it', async () => {
    await end((await holder()).child);
    const lock = lockFolder(dir, 'test');
    assert.throws(() => lockFolder(dir, 'again'), {
      code: 'FOLDER_IN_USE',
      message: new RegExp(`process ${process.pid} \\(test\\)`),
    });
    lock.release();
    lock.release();
    lockFolder(dir, 'again').release();
  });

  it('is free whatever the files of a pod say that is gone, of this or another name', async () => {
    for (const host of [hostname(), 'isthmus-hub-0']) {
      const { child } = await holder();
      await end(child);
      writeFileSync(join(dir, 'lock-holder.json'), JSON.stringify({ pid: 1, host, program: 'holder' }));
      lockFolder(dir, 'test').release();
    }
  });

  it('is refused to a pod of the same name with an error that names neither of both first processes', async () => {
    await holder();
    const namesake = { pid: process.pid, host: hostname(), program: 'holder' };
    writeFileSync(join(dir, 'lock-holder.json'), JSON.stringify(namesake));
    assert.throws(() => lockFolder(dir, 'test'), {
      code: 'FOLDER_IN_USE',
      message: /another container or pod of the name .* \(holder\): wait until it has ended/,
    });
  });

  it('holds while its process collects garbage, and for each folder by itself', async () => {
    const lock = lockFolder(dir, 'test');
    lockFolder(join(dir, 'other'), 'test').release();
    for (let i = 0; i < 50; i++) Buffer.alloc(1024 * 1024);
    assert.match((await holder()).said, /in use/);
    lock.release();
  });

  it('makes the folder private, and its own files too', () => {
    const folder = join(dir, 'a/b');
    lockFolder(folder, 'test').release();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of ['lock.db', 'lock-holder.json'])
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  });

  // A folder that is not writable: test/feature/bad-starts.test.ts, as a user who is not root.
  it('names the folder and the remedy where it cannot be used', () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const message = /file cannot be used as state folder \(EEXIST\): it is a file and no folder/;
    assert.throws(() => lockFolder(file, 'test'), { code: 'FOLDER_UNUSABLE', message });
  });
});
