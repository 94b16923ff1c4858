import assert from 'node:assert/strict';
import { ancestors, isAlive, parseStat, type Stat } from '../../sandbox/processes/ancestors.ts';
import { claimBlock } from '../../sandbox/instance/claim.ts';

describe('sandbox/processes ancestors', () => {
  it('reads a name with parentheses and spaces', () => {
    const fields = ['S', '7', ...Array.from({ length: 17 }, (_, i) => String(i)), '4242'].join(' ');
    assert.deepEqual(parseStat(`12 (a (b) c) ${fields}`), {
      ...{ pid: 12, name: 'a (b) c', state: 'S', parent: 7, started: '4242' },
    });
  });

  const process1 = (pid: number, name: string, parent: number): Stat => ({
    ...{ pid, name, parent, state: 'S', started: `start-${pid}` },
  });

  it('stops at npm, with the shell between it and us', () => {
    const table = new Map([
      [process.ppid, process1(process.ppid, 'sh', 500)],
      [500, process1(500, 'npm start', 400)],
      [400, process1(400, 'bash', 1)],
    ]);
    assert.deepEqual(
      ancestors((pid) => table.get(pid)).map(({ pid }) => pid),
      [process.ppid, 500],
    );
  });

  it('takes the parent alone when npm is not among them, and tells a pid that is used again', () => {
    const table = new Map([[process.ppid, process1(process.ppid, 'bash', 1)]]);
    const [parent] = ancestors((pid) => table.get(pid));
    assert.ok(parent);
    assert.equal(
      isAlive(parent, (pid) => table.get(pid)),
      true,
    );
    assert.equal(
      isAlive({ ...parent, started: 'earlier' }, (pid) => table.get(pid)),
      false,
    );
  });
});

describe('sandbox/instance claim', () => {
  it('gives two claimers different blocks, and a released one again', async () => {
    const one = await claimBlock(240, 241);
    const two = await claimBlock(240, 241);
    assert.notEqual(one.octet, two.octet);
    await assert.rejects(claimBlock(240, 241), { code: 'NO_FREE_BLOCK' });
    one.release();
    two.release();
  });
});
