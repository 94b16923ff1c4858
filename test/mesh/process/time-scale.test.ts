import assert from 'node:assert/strict';
import { timeScaleOf } from '@isthmus/mesh/process/time-scale.ts';

describe('mesh/process/time-scale', () => {
  for (const [text, scale] of [
    [undefined, 1],
    ['', 1],
    ['3', 3],
    ['0.5', 0.5],
  ] as const)
    it(`'${text ?? 'unset'}' is ${scale}`, () =>
      assert.equal(timeScaleOf(text === undefined ? {} : { ISTHMUS_TIME_SCALE: text }), scale));

  for (const text of ['0', '-1', 'fast', 'Infinity', 'NaN'])
    it(`'${text}' is refused`, () =>
      assert.throws(() => timeScaleOf({ ISTHMUS_TIME_SCALE: text }), { code: 'BAD_TIME_SCALE' }));
});
