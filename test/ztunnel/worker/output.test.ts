import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendTo } from '@isthmus/ztunnel/worker/output.ts';

describe('ztunnel/worker output', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-output-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('says when all that it took is written, in a file for its owner alone', async () => {
    const file = join(folder, 'access.log');
    const output = appendTo(file);
    assert.ok(output);
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`);
    assert.ok(lines.every((line) => output.write(line)));
    await output.flushed();
    assert.equal(readFileSync(file, 'utf8'), lines.join(''));
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('drops beyond 16 MiB that wait, and says so', async () => {
    const output = appendTo(join(folder, 'access.log'));
    assert.ok(output);
    const mebibyte = Buffer.alloc(1024 * 1024);
    const taken = Array.from({ length: 20 }, () => output.write(mebibyte));
    assert.deepEqual([taken.filter(Boolean).length, taken.at(-1)], [16, false]);
    await output.flushed();
    assert.equal(output.write('again\n'), true);
  });

  it('drops what cannot be written, and waits for nothing', async () => {
    const output = appendTo(join(folder, 'no-such-folder', 'access.log'));
    assert.ok(output);
    output.write('lost\n');
    await output.flushed();
    assert.equal(output.write('lost too\n'), false);
    await output.flushed();
  });

  it('of nowhere is none', () => assert.equal(appendTo(''), undefined));
});
