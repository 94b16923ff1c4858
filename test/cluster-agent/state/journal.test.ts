import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';

const segmentBytes = 200;

describe('a journal by key', () => {
  let root = '';
  let clock = new FakeClock();
  const opened: Journal[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-journal-'));
    clock = new FakeClock();
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    rmSync(root, { recursive: true });
  });

  const unclosed = (folder = join(root, 'journal'), limit = segmentBytes): Journal =>
    new Journal({ folder, clock, log: silentLog, segmentBytes: limit });
  const open = (folder?: string, limit?: number): Journal => {
    const journal = unclosed(folder, limit);
    opened.push(journal);
    return journal;
  };
  const contentOf = (journal: Journal): Record<string, string> =>
    Object.fromEntries(
      [...journal.entries()].map(([key, body]) => [key, Buffer.from(body).toString()] as const).sort(),
    );
  const segmentsIn = (folder = join(root, 'journal')): string[] =>
    readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  const body = (text: string) => Buffer.from(text);
  /** Of the segments as they are now; each call makes the copy again. */
  const copier = (): (() => string) => {
    const segments = segmentsIn().map((path) => [basename(path), readFileSync(path)] as const);
    const copy = join(root, 'copy');
    return () => {
      for (const path of [copy, `${copy}.damaged`]) rmSync(path, { recursive: true, force: true });
      mkdirSync(copy);
      for (const [name, bytes] of segments) writeFileSync(join(copy, name), bytes);
      return copy;
    };
  };

  it('has the last body of each key after it is opened again, in files that only their owner reads', () => {
    const journal = open();
    journal.put('a', body('1'));
    journal.put('b', body('2'));
    journal.put('a', body('3'));
    journal.put('c', body(''));
    journal.remove('b');
    journal.remove('never there');
    assert.deepEqual(contentOf(journal), { a: '3', c: '' });
    assert.deepEqual(contentOf(open()), { a: '3', c: '' });
    assert.deepEqual(
      segmentsIn().map((path) => statSync(path).mode & 0o777),
      [0o600],
    );
  });

  it('flushes once for all that is asked for during a flush, and not when nothing was put', async () => {
    const journal = open();
    journal.put('a', body('1'));
    const first = journal.flushed();
    journal.put('b', body('2'));
    await Promise.all([first, journal.flushed(), journal.flushed(), journal.flushed()]);
    assert.equal(journal.counts.flushes, 2);
    await journal.flushed();
    assert.equal(journal.counts.flushes, 2);
  });

  it('writes nothing more once it is closed, as another process may have the folder', async () => {
    const journal = open();
    journal.put('a', body('1'));
    const flushing = journal.flushed();
    const closed = journal.close();
    const next = open();
    next.put('b', body('2'));
    journal.put('a', body('3'));
    journal.remove('a');
    await Promise.all([flushing, closed]);
    assert.deepEqual(contentOf(open()), { a: '1', b: '2' });
  });

  it('says with its remedy what cannot be written, and keeps what it has', () => {
    const journal = open();
    rmSync(join(root, 'journal'), { recursive: true });
    assert.throws(
      () => journal.put('a', body('1')),
      (error) =>
        error instanceof CodedError &&
        error.code === 'WRITE_FAILED' &&
        /ENOENT.*create it/.test(error.message),
    );
    assert.deepEqual(contentOf(journal), {});
  });

  it('takes a key of 65,534 and of 65,535 bytes, and none of 65,536', () => {
    const journal = open();
    for (const bytes of [65_534, 65_535]) journal.put('k'.repeat(bytes), body('1'));
    assert.throws(() => journal.put('k'.repeat(65_536), body('1')), /65536 bytes.*65535 at most/);
    assert.equal(Object.keys(contentOf(open())).length, 2);
  });

  it('takes a record that is larger than a segment', () => {
    const journal = open();
    journal.put('a', body('1'));
    journal.put('large', Buffer.alloc(1000, 'x'));
    journal.put('b', body('2'));
    assert.deepEqual(contentOf(open()), { a: '1', b: '2', large: 'x'.repeat(1000) });
  });

  describe('after a crash of the machine', () => {
    it('has what was written before the byte at which the newest segment ends, wherever that is', () => {
      const journal = open();
      const states: { readonly end: number; readonly content: Record<string, string> }[] = [];
      const note = () => {
        const newest = segmentsIn().at(-1)!;
        if (newest.endsWith('2.log'))
          states.push({ end: statSync(newest).size, content: contentOf(journal) });
      };
      for (let i = 0; segmentsIn().length < 3; i++) {
        if (i % 4 === 3) journal.remove(`key-${(i - 2) % 5}`);
        else journal.put(`key-${i % 5}`, body(`body ${i}`));
        note();
      }
      rmSync(segmentsIn()[2]!);
      const all = readFileSync(segmentsIn()[1]!).length;
      assert.ok(states.length > 4);
      const copyOf = copier();
      for (let end = states[0]!.end; end <= all; end++) {
        const copy = copyOf();
        truncateSync(segmentsIn(copy)[1]!, end);
        const expected = states.filter((one) => one.end <= end).at(-1)!.content;
        const reopened = open(copy);
        assert.deepEqual(contentOf(reopened), expected, `cut at byte ${end}`);
        reopened.put('more', body('x'));
        assert.deepEqual(contentOf(open(copy)), { ...expected, more: 'x' }, `written after a cut at ${end}`);
      }
    });

    it('has what was flushed, or says that it is damaged, whichever byte of an older segment is another', async () => {
      const journal = open();
      for (let i = 0; i < 15; i++) journal.put(`key-${i}`, body(`body of ${i}`));
      await journal.flushed();
      const flushed = contentOf(journal);
      journal.put('later', body('not flushed'));
      const [older = '', ...newer] = segmentsIn();
      assert.ok(newer.length > 0);
      const copyOf = copier();
      for (let at = 0; at < statSync(older).size; at++) {
        const copy = copyOf();
        const damaged = readFileSync(older);
        damaged[at]! ^= 0x10;
        writeFileSync(segmentsIn(copy)[0]!, damaged);
        const found = contentOf(unclosed(copy));
        if (existsSync(`${copy}.damaged`)) assert.deepEqual(found, {}, `byte ${at}`);
        else assert.deepEqual(found, { ...flushed, ...(found['later'] && { later: 'not flushed' }) });
      }
    });

    it('leaves out what follows a record that is missing, also in later segments, when it was not flushed', () => {
      const journal = open();
      for (let i = 0; i < 12; i++) journal.put(`key-${i}`, body(`body of ${i}`));
      truncateSync(segmentsIn()[0]!, 60);
      assert.deepEqual(contentOf(open()), { 'key-0': 'body of 0', 'key-1': 'body of 1' });
      assert.equal(existsSync(join(root, 'journal.damaged')), false);
    });

    it('has nothing when a segment is missing: the folder is set aside, in place of an older one', () => {
      for (let round = 0; round < 2; round++) {
        const journal = open();
        for (let i = 0; i < 20; i++) journal.put(`${round}/${i}`, body(`body of ${i}`));
        rmSync(segmentsIn()[1]!);
        assert.deepEqual(contentOf(open()), {});
        assert.match(
          readFileSync(segmentsIn(join(root, 'journal.damaged'))[0]!, 'utf8'),
          RegExp(`${round}/0`),
        );
      }
    });
  });

  describe('of which most is superseded', () => {
    const bytesIn = () => segmentsIn().reduce((sum, path) => sum + statSync(path).size, 0);

    it('takes twice what lives and a segment, however often a key changes, and keeps the others', async () => {
      const journal = open();
      for (let i = 0; i < 10; i++) journal.put(`cold-${i}`, body(`body of ${i}`));
      const live = bytesIn();
      for (let i = 0; i < 80; i++) {
        journal.put('hot', body(`change ${i}`));
        await compacted();
        assert.ok(bytesIn() <= 2 * (live + 30) + 3 * segmentBytes, `${bytesIn()} bytes after change ${i}`);
      }
      assert.equal(Object.keys(contentOf(open())).length, 11);
      assert.equal(contentOf(open())['hot'], 'change 79');
    });

    it('writes at most twice what was put', async () => {
      const journal = open(undefined, 2000);
      for (let i = 0; i < 200; i++) journal.put(`cold-${i}`, body(`body of ${i}`));
      const before = journal.counts.bytesWritten;
      let put = 0;
      for (let i = 0; i < 2000; i++) {
        const written = journal.counts.bytesWritten;
        journal.put('hot', body(`change ${i}`));
        put += journal.counts.bytesWritten - written;
        if (i % 20 === 0) await compacted();
      }
      const copied = journal.counts.bytesWritten - before - put;
      assert.ok(copied > 0 && copied <= put, `${copied} bytes were copied for ${put} that were put`);
    });

    it('copies 256 KiB in a turn', async () => {
      const turns: (() => void)[] = [];
      const clockOfTurns: Clock = {
        now: () => 0,
        monotonic: () => 0,
        after: (_, run) => {
          turns.push(run);
          return { cancel: () => undefined };
        },
      };
      const journal = new Journal({
        folder: join(root, 'journal'),
        clock: clockOfTurns,
        log: silentLog,
        segmentBytes: 2 ** 20,
      });
      opened.push(journal);
      const large = Buffer.alloc(60_000);
      for (let i = 0; i < 16; i++) journal.put(`cold-${i}`, large);
      for (let i = 0; i < 40; i++) journal.put('hot', large);
      const copied: number[] = [];
      for (let turn = turns.shift(); turn; turn = turns.shift()) {
        const before = journal.counts.bytesWritten;
        turn();
        await new Promise<void>((resolve) => setImmediate(resolve));
        copied.push(Math.floor((journal.counts.bytesWritten - before) / large.length));
      }
      assert.deepEqual(copied, [5, 5, 5, 1]);
    });

    /** Until nothing is copied any more. */
    async function compacted(): Promise<void> {
      while (clock.pending > 0) {
        await clock.advance(0);
        for (const one of opened) await one.flushed();
      }
    }

    it('equals a map after random changes, compactions and restarts', async () => {
      const change = fc.oneof(
        fc.record({ put: fc.nat(8), bytes: fc.nat(120) }),
        fc.record({ remove: fc.nat(8) }),
        fc.constant('reopen' as const),
        fc.constant('compact' as const),
      );
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 120 }), async (changes) => {
          const folder = join(root, `run-${runs++}`);
          let journal = open(folder);
          const expected = new Map<string, string>();
          const sorted = () => Object.fromEntries([...expected].sort());
          for (const [i, one] of changes.entries()) {
            if (one === 'reopen') {
              await journal.close();
              journal = open(folder);
            } else if (one === 'compact') await compacted();
            else if ('put' in one) {
              const text = `${i} `.repeat(one.bytes);
              expected.set(`key-${one.put}`, text);
              journal.put(`key-${one.put}`, body(text));
            } else {
              expected.delete(`key-${one.remove}`);
              journal.remove(`key-${one.remove}`);
            }
          }
          assert.deepEqual(contentOf(journal), sorted());
          await journal.close();
          assert.deepEqual(contentOf(open(folder)), sorted());
        }),
        { numRuns: 60 },
      );
    });
  });
});
