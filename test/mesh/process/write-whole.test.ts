import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

describe('writeWhole', () => {
  let dir = '';
  const at = (name: string) => join(dir, name);
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-write-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const modeOf = (name: string) => statSync(at(name)).mode & 0o777;

  it('replaces a file in mode 0600, whatever the mode of the old one, of a left-over, or the umask', () => {
    writeFileSync(at('a'), 'old', { mode: 0o644 });
    writeFileSync(at('a.new'), 'a longer left-over of a crash');
    chmodSync(at('a.new'), 0o666);
    writeWhole(at('a'), 'new');
    assert.equal(readFileSync(at('a'), 'utf8'), 'new');
    assert.equal(modeOf('a'), 0o600);
    const before = process.umask(0o077);
    writeWhole(at('b'), 'shared', { mode: 0o644 });
    process.umask(before);
    assert.equal(modeOf('b'), 0o644);
    assert.ok(!existsSync(at('a.new')) && !existsSync(at('b.new')));
  });

  /** A file size limit of 16 blocks of 512 bytes stands for a full disk: the first write is a short one, the next fails. */
  const limited = (bytes: number) =>
    execFileSync(
      'sh',
      [
        '-c',
        'ulimit -f 16; exec "$0" "$@"',
        process.execPath,
        join(import.meta.dirname, '../../fakes/file-writer.ts'),
        at('a'),
        String(bytes),
      ],
      { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } },
    );

  for (const [bytes, written] of [
    [8191, true],
    [8192, true],
    [8193, false],
    [1_000_000, false],
  ] as const)
    it(`${written ? 'writes' : 'keeps the old file whole and leaves no part behind for'} ${bytes} bytes where 8192 fit`, () => {
      writeFileSync(at('a'), 'old');
      const said = limited(bytes);
      if (written) assert.equal(statSync(at('a')).size, bytes);
      else {
        assert.match(said, /cannot be written \(EFBIG\): .*raise it/);
        assert.equal(readFileSync(at('a'), 'utf8'), 'old');
        assert.ok(!existsSync(at('a.new')));
      }
    });

  it('names the file and what to do when it cannot write', () => {
    const cases = {
      'missing/a': /missing\/a cannot be written \(ENOENT\): it does not exist/,
      'file/a': /file\/a cannot be written \(ENOTDIR\): a part of the path is not a folder/,
      folder: /folder cannot be written \(EISDIR\): it is a folder/,
    };
    writeFileSync(at('file'), '');
    mkdirSync(at('folder/inner'), { recursive: true });
    for (const [path, message] of Object.entries(cases))
      assert.throws(() => writeWhole(at(path), 'x'), { code: 'WRITE_FAILED', message });
  });
});
