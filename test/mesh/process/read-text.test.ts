import assert from 'node:assert/strict';
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { maxFileBytes, readText, readTextAsync } from '@isthmus/mesh/process/read-text.ts';
import { readWithin, textWithin } from '@isthmus/mesh/process/read-within.ts';

const readers = {
  readText: (path: string, most?: number) => Promise.resolve().then(() => readText(path, most)),
  readTextAsync,
};

for (const [name, read] of Object.entries(readers))
  describe(`mesh/process/read-text ${name}`, () => {
    let dir: string;
    before(() => void (dir = mkdtempSync(join(tmpdir(), 'isthmus-read-'))));
    after(() => rmSync(dir, { recursive: true }));

    const file = (bytes: number) => {
      const path = join(dir, `${bytes}`);
      writeFileSync(path, 'x'.repeat(bytes));
      return path;
    };

    for (const bytes of [0, maxFileBytes - 1, maxFileBytes])
      it(`reads a file of ${bytes} bytes`, async () => assert.equal((await read(file(bytes))).length, bytes));

    it('refuses a file of one byte more, and says which, its limit and what to do', async () => {
      const path = file(maxFileBytes + 1);
      await assert.rejects(read(path), {
        code: 'FILE_TOO_LARGE',
        message: `${path} has more than 1048576 bytes, the limit for it: name the right file, or split this one`,
      });
    });

    it('refuses a device that never ends', () =>
      assert.rejects(read('/dev/zero'), { code: 'FILE_TOO_LARGE' }));

    it('reads what says that it is empty and is not', async () => {
      assert.match(await read('/proc/self/status'), /^Name:/);
    });

    it('keeps a character whole that lies between two parts of the file', async () => {
      const path = join(dir, 'umlauts');
      writeFileSync(path, `x${'ä'.repeat(70_000)}`);
      assert.equal(await read(path), `x${'ä'.repeat(70_000)}`);
    });

    it('says what keeps it from reading', async () => {
      await assert.rejects(read(join(dir, 'none')), { code: 'READ_FAILED', message: /ENOENT.*create it/ });
      await assert.rejects(read(dir), { code: 'READ_FAILED', message: /EISDIR.*folder and no file/ });
    });
  });

describe('mesh/process/read-within', () => {
  it('reads no more than a byte beyond the limit', () => {
    const fd = openSync('/dev/zero', 'r');
    assert.equal(readWithin(fd, 10), undefined);
    closeSync(fd);
  });

  it('ends a stream that goes beyond the limit', async () => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(10);
      })(),
    );
    assert.equal(await textWithin(endless, 100), undefined);
    assert.ok(endless.destroyed);
    assert.equal(await textWithin(Readable.from([Buffer.from('ä')]), 2), 'ä');
    assert.equal(await textWithin(Readable.from([Buffer.from('ä')]), 1), undefined);
  });
});
