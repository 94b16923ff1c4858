import assert from 'node:assert/strict';
import { ResetBudget } from '@isthmus/mesh/http2/reset-budget.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A budget whose peer answers a PING when `answer` is called; `sent` has what was reset, in order. */
function budgeted() {
  const clock = new FakeClock();
  const pings: (() => void)[] = [];
  const sent: number[] = [];
  const budget = new ResetBudget(clock, (then) => void pings.push(then));
  const spend = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => budget.spend(() => sent.push(first + index)));
  const answer = () => pings.shift()?.();
  return { clock, budget, pings, sent, spend, answer };
}

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('the budget of resets that a client sends before an answer', () => {
  for (const { wanted, sent, waiting } of [
    { wanted: 9, sent: 9, waiting: 0 },
    { wanted: 10, sent: 10, waiting: 0 },
    { wanted: 11, sent: 10, waiting: 1 },
  ])
    it(`${sent} of ${wanted} resets are sent at once`, () => {
      const one = budgeted();
      one.spend(1, wanted);
      assert.deepEqual(one.sent, upTo(sent));
      assert.equal(one.budget.waiting, waiting);
    });

  it('asks the peer half a second after the first reset, and sends no more before it has answered', async () => {
    const one = budgeted();
    one.spend(1, 11);
    await one.clock.advance(499);
    assert.equal(one.pings.length, 0);
    await one.clock.advance(1);
    assert.equal(one.pings.length, 1);
    await one.clock.advance(60_000);
    assert.deepEqual(one.sent, upTo(10));
    one.answer();
    assert.deepEqual(one.sent, upTo(11));
    assert.equal(one.budget.waiting, 0);
  });

  it('sends those that wait ten at a time, in the order in which they came', async () => {
    const one = budgeted();
    one.spend(1, 25);
    for (const sent of [20, 25]) {
      await one.clock.advance(500);
      assert.equal(one.pings.length, 1);
      one.answer();
      assert.deepEqual(one.sent, upTo(sent));
    }
  });

  it('one that was withdrawn while it waited is not sent and takes no place', async () => {
    const one = budgeted();
    const withdraw = one.spend(1, 21);
    withdraw[10]?.();
    assert.equal(one.budget.waiting, 10);
    await one.clock.advance(500);
    one.answer();
    assert.deepEqual(one.sent, [...upTo(10), ...upTo(21).slice(11)]);
    assert.equal(one.budget.waiting, 0);
  });

  it('to withdraw one that was sent changes nothing', () => {
    const one = budgeted();
    const withdraw = one.spend(1, 12);
    withdraw[0]?.();
    assert.equal(one.budget.waiting, 2);
    assert.deepEqual(one.sent, upTo(10));
  });

  it('a quiet peer has the whole budget again, and is asked only when it is used', async () => {
    const one = budgeted();
    one.spend(1, 3);
    await one.clock.advance(500);
    one.answer();
    await one.clock.advance(60_000);
    assert.equal(one.clock.pending, 0);
    assert.equal(one.pings.length, 0);
    one.spend(4, 14);
    assert.deepEqual(one.sent, upTo(13));
  });

  it('a session that has ended sends none of those that wait', async () => {
    const one = budgeted();
    one.spend(1, 11);
    await one.clock.advance(500);
    assert.equal(one.pings.length, 1);
    await one.clock.advance(60_000);
    assert.equal(one.budget.waiting, 1);
    assert.equal(one.clock.pending, 0);
  });
});
