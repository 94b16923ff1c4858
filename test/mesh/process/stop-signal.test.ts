import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { endMillis, stopSignal } from '@isthmus/mesh/process/stop-signal.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('a program that is asked to end', () => {
  const world = () => {
    const clock = new FakeClock();
    const exits: number[] = [];
    const said: string[] = [];
    const process = Object.assign(new EventEmitter(), { exit: (status: number) => void exits.push(status) });
    const log = { ...silentLog, error: (_fields: object, message: string) => void said.push(message) };
    return { clock, process, exits, said, signal: stopSignal({ clock, log, process }) };
  };

  for (const name of ['SIGTERM', 'SIGINT'])
    it(`by ${name} has time to close everything, and ends with status 1 when that was not enough`, async () => {
      const { clock, process, exits, said, signal } = world();
      assert.equal(signal.aborted, false);
      process.emit(name);
      assert.equal(signal.aborted, true);
      await clock.advance(endMillis - 1);
      assert.deepEqual([exits, said], [[], []]);
      await clock.advance(1);
      assert.deepEqual(exits, [1]);
      assert.match(said.join(), /was not closed within 10 s/);
    });

  it('by a second signal has no more time', async () => {
    const { clock, process, exits } = world();
    process.emit('SIGINT');
    await clock.advance(endMillis - 1);
    assert.equal(process.listenerCount('SIGINT'), 1, 'without a listener Node would end at once');
    process.emit('SIGINT');
    process.emit('SIGTERM');
    await clock.advance(1);
    assert.deepEqual(exits, [1]);
    assert.equal(clock.pending, 0);
  });
});
