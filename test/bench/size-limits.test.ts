import assert from 'node:assert/strict';
import { figure, fiftyAndNinetyNine } from '../../bench/size/figures.ts';
import { otherThanWhole, scaled, wholeSizes } from '../../bench/size/sizes.ts';
import { textOf, within } from '../../bench/size/within.ts';

const never = () => new Promise<string>(() => undefined);

describe('the time that a row may take', () => {
  const running = new AbortController().signal;

  it('does not matter to one that is measured within it', async () => {
    assert.equal(textOf(await within(60, running, () => Promise.resolve('12 ms'))), '12 ms');
  });

  it('is named in the cell of one that is not, whose signal aborts', async () => {
    let aborted = false;
    const outcome = await within(0.01, running, (signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return never();
    });
    assert.equal(textOf(outcome), 'not within 0.01 s');
    assert.ok(aborted);
  });

  it('says why one failed', async () => {
    const outcome = await within(60, running, () => Promise.reject(new Error('the hub ended')));
    assert.equal(textOf(outcome), 'failed: the hub ended');
  });

  it('is over at once when all is stopped', async () => {
    const stop = new AbortController();
    const measured = within(60, stop.signal, never);
    stop.abort(new Error('stopped'));
    await assert.rejects(measured, /stopped/);
    await assert.rejects(within(60, stop.signal, never), /stopped/);
  });
});

describe('sizes of a quick try', () => {
  it('are the whole ones at 1', () => assert.deepEqual(scaled(wholeSizes, 1), wholeSizes));

  it('are whole numbers, as often timed as before, and none too small to measure anything', () => {
    const { pods, clients, clusters, changes } = scaled(wholeSizes, 0.001);
    assert.deepEqual(
      { pods, clients, clusters, changes },
      { pods: 20, clients: 2, clusters: 3, changes: 30 },
    );
    assert.equal(scaled({ ...wholeSizes, pods: 333 }, 0.5).pods, 167);
  });
});

describe('sizes of a run', () => {
  it('are named where they are not the whole ones', () => {
    assert.equal(otherThanWhole(wholeSizes), '');
    assert.equal(otherThanWhole({ ...wholeSizes, pods: 100, clients: 2 }), 'pods 100, clients 2');
  });
});

describe('a figure', () => {
  const cases = { '0.1': 0.1, '2.35': 2.349, '15.2': 15.21, '462': 461.9, '1,220': 1220.4, none: NaN };
  for (const [text, value] of Object.entries(cases))
    it(`of ${value} is ${text}`, () => assert.equal(figure(value), text));

  it('of few times says how many they were', () => {
    assert.equal(fiftyAndNinetyNine([1, 2, 3]), '2 / 3 ms (3 times)');
    assert.equal(fiftyAndNinetyNine(Array.from({ length: 100 }, () => 5)), '5 / 5 ms');
  });
});
