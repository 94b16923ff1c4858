import assert from 'node:assert/strict';
import fc from 'fast-check';
import { targets, viewSource, type LinkState } from '@isthmus/cluster-agent/link/targets.ts';

const endpointsOf = (endpoints: readonly string[], want: number) =>
  targets(endpoints, want).map((one) => one.endpoints);

describe('the links that an agent holds', () => {
  it('are one through all addresses in turn, unless more are wanted', () => {
    assert.deepEqual(endpointsOf(['a', 'b', 'c'], 1), [['a', 'b', 'c']]);
    assert.deepEqual(endpointsOf(['a', 'b', 'c'], 2), [['a', 'c'], ['b']]);
    assert.deepEqual(endpointsOf(['a', 'b'], 2), [['a'], ['b']]);
    assert.deepEqual(endpointsOf(['a', 'b'], 3), [['a'], ['b']]);
    assert.deepEqual(endpointsOf([], 2), [[]]);
  });

  it('share all addresses without sharing one', () => {
    const inputs = [fc.uniqueArray(fc.string(), { maxLength: 9 }), fc.integer({ min: 1, max: 12 })] as const;
    fc.assert(
      fc.property(...inputs, (endpoints, want) => {
        const shared = endpointsOf(endpoints, want).flat();
        assert.deepEqual([...shared].sort(), [...endpoints].sort());
      }),
    );
  });
});

describe('the link from which the hub’s view is taken', () => {
  const none: LinkState = { isSource: false, heard: false, synced: false, epoch: 0n };
  const cases: readonly (readonly [string, readonly Partial<LinkState>[], number])[] = [
    ['the first, before any is heard', [{}, {}], 0],
    ['one that is heard', [{}, { heard: true }], 1],
    [
      'one that is synced, whatever is heard',
      [
        { heard: true, epoch: 3n },
        { heard: true, synced: true },
      ],
      1,
    ],
    [
      'the one with the higher epoch',
      [
        { heard: true, epoch: 2n },
        { heard: true, epoch: 3n },
      ],
      1,
    ],
    ['the one that it is taken from already', [{ heard: true }, { heard: true, isSource: true }], 1],
    ['the first of those that are alike', [{}, { heard: true }, { heard: true }], 1],
    ['another, when the one that it was taken from has ended', [{ isSource: true }, { heard: true }], 1],
  ];
  for (const [what, states, expected] of cases)
    it(`is ${what}`, () => assert.equal(viewSource(states.map((one) => ({ ...none, ...one }))), expected));
});
