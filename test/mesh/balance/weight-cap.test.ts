import assert from 'node:assert/strict';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';

describe('mesh/balance weight cap', () => {
  const of = (...healthy: readonly number[]) => healthy.map((one) => ({ healthy: one }));

  for (const [healthy, counted] of [
    [
      [4, 5],
      [4, 5],
    ],
    [
      [4, 6],
      [4, 6],
    ],
    [
      [4, 7],
      [3, 6],
    ],
    [
      [0, 4_000_000, 1],
      [0, 9, 1],
    ],
  ] as const)
    it(`counts ${healthy.join(' and ')} healthy endpoints as ${counted.join(' and ')} where 10 count`, () => {
      assert.deepEqual(capped(of(...healthy), 10), of(...counted));
    });
});
