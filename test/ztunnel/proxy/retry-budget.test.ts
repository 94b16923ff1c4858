import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import {
  called,
  emptyWindow,
  retried,
  RetryBudgets,
  type RetryWindow,
} from '@isthmus/ztunnel/proxy/retry-budget.ts';
import { RetryFloor, retryFloorBytes } from '@isthmus/ztunnel/proxy/retry-floor.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A window after some calls at one moment. */
const afterCalls = (calls: number, now = 0, window: RetryWindow = emptyWindow): RetryWindow =>
  Array.from({ length: calls }).reduce<RetryWindow>((one) => called(one, now), window);

/** How many retries are allowed in one second, three of them whatever the calls. */
function allowed(window: RetryWindow, now: number): number {
  let [count, next]: [number, RetryWindow | undefined] = [0, window];
  while ((next = retried(next, now, count < 3))) count++;
  return count;
}

/** How many retries workers get now, one asking after another until none gets any. */
function retriesOf(workers: readonly RetryBudgets[]): number {
  let count = 0;
  for (let before = -1; before !== count;) {
    before = count;
    for (const one of workers) if (one.mayRetry('a')) count++;
  }
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
      const budgets = new RetryBudgets(new FakeClock());
      for (let i = 0; i < calls; i++) budgets.called('a');
      assert.equal(retriesOf([budgets]), retries);
    });

  it('allows three in each second though none is left of the fifth', async () => {
    const clock = new FakeClock();
    const budgets = new RetryBudgets(clock);
    for (let i = 0; i < 100; i++) budgets.called('a');
    assert.equal(retriesOf([budgets]), 20);
    await clock.advance(999);
    assert.equal(retriesOf([budgets]), 0);
    await clock.advance(1);
    assert.equal(retriesOf([budgets]), 3);
  });

  it('forgets calls and retries after ten seconds, and not before', () => {
    assert.equal(allowed(afterCalls(100), 9999), 20);
    assert.equal(allowed(afterCalls(100), 10_000), 3);
    let window = afterCalls(100);
    for (let i = 0; i < 20; i++) window = retried(window, 0, false) ?? assert.fail();
    assert.equal(allowed(afterCalls(100, 9999, window), 9999), 20);
    assert.equal(allowed(afterCalls(100, 10_000, window), 10_000), 20);
  });

  for (const workers of [1, 2, 4, 64])
    it(`of ${workers} workers of a proxy allows three in a second in all, and a fifth of all calls`, async () => {
      const clock = new FakeClock();
      const memory = new SharedArrayBuffer(retryFloorBytes);
      const all = Array.from(
        { length: workers },
        () => new RetryBudgets(clock, new RetryFloor(clock, memory)),
      );
      for (const [second, each] of [0, 0, 1, 0].entries()) {
        for (const one of all) for (let i = 0; i < each; i++) one.called('a');
        assert.equal(retriesOf(all), 3, `in second ${second}`);
        assert.equal(retriesOf(all), 0, `in second ${second}, again`);
        await clock.advance(1000);
      }
      const busy = all.at(-1)!;
      await clock.advance(10_000);
      for (let i = 0; i < 100; i++) busy.called('a');
      assert.equal(retriesOf([busy]), 20);
      assert.equal(retriesOf(all), 0, 'the others have no calls, and the three are used');
      await clock.advance(10_000);
      for (let i = 0; i < 100; i++) busy.called('a');
      // Those that others take first are not of the fifth of the busy one.
      const inTurns = retriesOf(all);
      assert.ok(inTurns >= 20 && inTurns <= 23, `${inTurns}`);
    });

  it('of workers in threads allows three in a second in all, of each of a hundred services', async () => {
    const memory = new SharedArrayBuffer(retryFloorBytes);
    const [services, tries] = [100, 200];
    const script = new URL('../../fakes/retry-taker.ts', import.meta.url);
    const granted = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const thread = new Worker(script, { workerData: { memory, services, tries } });
        const [counts] = (await once(thread, 'message')) as [readonly number[]];
        return counts;
      }),
    );
    for (let service = 0; service < services; service++)
      assert.equal(
        granted.reduce((sum, counts) => sum + counts[service]!, 0),
        3,
        `service ${service}`,
      );
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
