import assert from 'node:assert/strict';
import {
  called,
  emptyWindow,
  retried,
  RetryBudgets,
  type RetryWindow,
} from '@isthmus/ztunnel/proxy/retry-budget.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A window after some calls at one moment. */
const afterCalls = (calls: number, now = 0, window: RetryWindow = emptyWindow): RetryWindow =>
  Array.from({ length: calls }).reduce<RetryWindow>((one) => called(one, now), window);

/** How many retries are allowed at one moment. */
function allowed(window: RetryWindow, now: number): number {
  let [count, next]: [number, RetryWindow | undefined] = [0, window];
  while ((next = retried(next, now))) count++;
  return count;
}

describe('ztunnel/proxy retry budget', () => {
  for (const [calls, retries] of [
    [0, 3],
    [14, 3],
    [15, 3],
    [19, 3],
    [20, 4],
    [99, 19],
    [100, 20],
    [101, 20],
  ] as const)
    it(`allows ${retries} retries after ${calls} calls: a fifth, and at least three`, () => {
      assert.equal(allowed(afterCalls(calls), 0), retries);
    });

  it('allows three in each second though none is left of the fifth', () => {
    let window = afterCalls(100);
    for (let i = 0; i < 20; i++) window = retried(window, 0) ?? assert.fail();
    assert.equal(retried(window, 999), undefined);
    assert.equal(allowed(window, 1000), 3);
  });

  it('forgets calls and retries after ten seconds, and not before', () => {
    assert.equal(allowed(afterCalls(100), 9999), 20);
    assert.equal(allowed(afterCalls(100), 10_000), 3);
    let window = afterCalls(100);
    for (let i = 0; i < 20; i++) window = retried(window, 0) ?? assert.fail();
    assert.equal(allowed(afterCalls(100, 9999, window), 9999), 20);
    assert.equal(allowed(afterCalls(100, 10_000, window), 10_000), 20);
  });

  it('is one for each service, and the longest unused gives way beyond ten thousand', () => {
    const budgets = new RetryBudgets(new FakeClock());
    for (let i = 0; i < 100; i++) budgets.called('busy');
    for (let i = 0; i < 3; i++) assert.equal(budgets.mayRetry('quiet'), true);
    assert.equal(budgets.mayRetry('quiet'), false);
    for (let i = 0; i < 20; i++) assert.equal(budgets.mayRetry('busy'), true);
    assert.equal(budgets.mayRetry('busy'), false);
    for (let i = 0; i < 10_001; i++) budgets.called(`service ${i}`);
    assert.equal(budgets.size, 10_000);
  });
});
