import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Output } from '@isthmus/ztunnel/worker/output.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { Signal } from '../../fakes/xds-world.ts';

describe('ztunnel/worker output', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'isthmus-output-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function outputTo(place: string) {
    const problems: Error[] = [];
    const signal = new Signal();
    const clock = new FakeClock();
    const output = new Output(place, clock, (error) => {
      problems.push(error);
      signal.ring();
    });
    return { output, clock, problems, problem: (nth: number) => signal.until(() => problems.length >= nth) };
  }

  it('appends to a file that only its owner reads, and its end comes after the last line', async () => {
    const place = join(folder, 'access.log');
    const first = outputTo(place);
    for (const line of ['one\n', 'two\n']) assert.equal(first.output.write(line), true);
    await first.output.end();
    assert.equal(readFileSync(place, 'utf8'), 'one\ntwo\n');
    assert.equal(statSync(place).mode & 0o777, 0o600);
    assert.equal(first.output.write('three\n'), false, 'nothing is taken after the end');
    assert.equal(first.clock.pending, 0);

    const second = outputTo(place);
    second.output.write('three\n');
    await second.output.end();
    assert.equal(readFileSync(place, 'utf8'), 'one\ntwo\nthree\n');
  });

  it('writes the lines of 10 ms at once', async () => {
    const place = join(folder, 'access.log');
    const { output, clock } = outputTo(place);
    output.write('one\n');
    await clock.advance(9);
    output.write('two\n');
    assert.equal(clock.pending, 1);
    await clock.advance(1);
    assert.equal(clock.pending, 0);
    while (!existsSync(place) || readFileSync(place, 'utf8') === '') await nextTurn();
    assert.equal(readFileSync(place, 'utf8'), 'one\ntwo\n');
    output.write('three\n');
    await output.end();
    assert.equal(readFileSync(place, 'utf8'), 'one\ntwo\nthree\n');
    assert.equal(clock.pending, 0);
  });

  it('drops what would pile up in memory, and says so', async () => {
    const { output } = outputTo(join(folder, 'access.log'));
    assert.equal(output.write(Buffer.alloc(16 * 1024 * 1024)), true);
    assert.equal(output.write('one more\n'), false);
    await output.end();
  });

  it('drops lines while its file cannot be opened, logs why, and tries again after a second', async () => {
    const place = join(folder, 'not-yet', 'access.log');
    const { output, clock, problems, problem } = outputTo(place);
    await problem(1);
    assert.match(problems[0]?.message ?? '', /ENOENT/);
    assert.equal(output.write('lost\n'), false);
    await clock.advance(1000);
    output.write('lost as well\n');
    await problem(2);
    mkdirSync(dirname(place));
    assert.equal(output.write('still waiting\n'), false);
    await clock.advance(1000);
    assert.equal(output.write('written\n'), true);
    await output.end();
    assert.equal(readFileSync(place, 'utf8'), 'written\n');
  });

  it('ends though there is nothing to end', async () => {
    const { output, problem } = outputTo(join(folder, 'nowhere', 'access.log'));
    await problem(1);
    await output.end();
  });
});
