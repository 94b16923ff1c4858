import assert from 'node:assert/strict';
import { quantile } from '../../bench/quantile.ts';

describe('a quantile of some numbers', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  const cases: readonly (readonly [name: string, values: readonly number[], q: number, expected: number])[] =
    [
      ['is the number below which that share lies, in whatever order they come', hundred, 0.5, 51],
      ['is near the largest for 0.99', hundred, 0.99, 100],
      ['is the smallest for 0', hundred, 0, 1],
      ['is the largest for 1', hundred, 1, 100],
      ['of one number is that number', [7], 0.99, 7],
      ['compares numbers, not their text', [9, 10, 100], 0, 9],
      ['of none is not a number', [], 0.5, NaN],
    ];
  for (const [name, values, q, expected] of cases)
    it(name, () => assert.equal(quantile(values, q), expected));

  it('leaves the numbers as they are', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    assert.deepEqual(values, [3, 1, 2]);
  });
});
