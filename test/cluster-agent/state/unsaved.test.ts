import assert from 'node:assert/strict';
import { unsavedConditions } from '@isthmus/cluster-agent/state/unsaved-condition.ts';
import { UntilWritten } from '@isthmus/cluster-agent/state/until-written.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

describe('what cannot be written to the state folder', () => {
  const full = new CodedError(
    'WRITE_FAILED',
    '/state/a cannot be written (ENOSPC): the file system is full: make room',
  );

  it('is tried again, with what there is at that time, until it is written', () => {
    let [isFull, value] = [true, 1];
    const written: number[] = [];
    const said: string[] = [];
    const file = new UntilWritten(
      () => {
        if (isFull) throw full;
        written.push(value);
      },
      (why) => said.push(why),
    );
    file.save();
    assert.deepEqual([file.isUnsaved, file.unsaved, said], [true, full.message, [full.message]]);
    value = 2;
    file.save();
    assert.equal(said.length, 2);
    isFull = false;
    file.save();
    assert.deepEqual([file.isUnsaved, file.unsaved, written], [false, undefined, [2]]);
  });

  it('is one condition with the first reason and the number of others, and none when all is written', () => {
    const saved = { unsaved: undefined };
    assert.deepEqual(unsavedConditions('/state', [saved]), []);
    const parts = [
      saved,
      { unsaved: 'a (ENOSPC)' },
      { unsaved: 'a (ENOSPC)' },
      { unsaved: 'b' },
      { unsaved: 'c' },
    ];
    const [condition, ...more] = unsavedConditions('/state', parts);
    assert.deepEqual(more, []);
    assert.equal(condition?.reason, 'STATE_NOT_SAVED');
    assert.match(condition.message, /: a \(ENOSPC\), and 2 more$/);
    assert.match(condition.remedy, /\/state/);
  });

  it('does not hide a fault of the program', () => {
    const file = new UntilWritten(
      () => {
        throw new TypeError('a bug');
      },
      () => undefined,
    );
    assert.throws(() => file.save(), TypeError);
  });
});
