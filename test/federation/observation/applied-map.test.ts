import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Applied } from '@isthmus/api/domain/report.ts';
import { AppliedMap, differingParts } from '../../../federation/observation/applied-map.ts';
import { differing } from '../../../federation/observation/record-changes.ts';

const applied = (subject: string, version = '1'): Applied => ({
  subject,
  version,
  state: 'APPLIED',
  message: '',
  proxies: 1,
});

const subject = fc.nat(200).map((i) => `intermediate/k${i}`);
const change = fc
  .tuple(subject, fc.option(fc.constantFrom('1', '2')))
  .map(([name, version]) => [name, version === null ? undefined : applied(name, version)] as const);
const changes = fc.array(change, { maxLength: 50 });

const byName = (entries: Iterable<readonly [string, Applied]>) =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

const differences = (before: ReadonlyMap<string, Applied>, after: ReadonlyMap<string, Applied>) =>
  differingParts(before, after).flatMap(([old, next]) => differing(old, next));

describe('federation/observation: the acknowledgements of one cluster', () => {
  it('have what a map has after the same changes, and differ in the same names', () =>
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const maps = [new Map<string, Applied>(), new Map<string, Applied>()] as const;
        for (const [i, all] of [first, [...first, ...second]].entries())
          for (const [name, one] of all)
            if (one) maps[i as 0 | 1].set(name, one);
            else maps[i as 0 | 1].delete(name);
        const before = AppliedMap.of(new Map()).with(first);
        const after = before.with(second);
        for (const [mine, map] of [
          [before, maps[0]],
          [after, maps[1]],
        ] as const) {
          assert.deepEqual(byName(mine), byName(map));
          assert.equal(mine.size, map.size);
          assert.deepEqual([...mine.keys()].sort(), [...map.keys()].sort());
          assert.deepEqual(new Set(mine.values()), new Set(map.values()));
          for (let i = 0; i <= 200; i++)
            assert.equal(mine.get(`intermediate/k${i}`), map.get(`intermediate/k${i}`));
          assert.deepEqual(mine, AppliedMap.of(map));
        }
        assert.deepEqual(differences(before, after).toSorted(), differing(...maps).toSorted());
      }),
    ));

  it('are the same value where nothing is said', () => {
    const all = AppliedMap.of(new Map([['policy/p', applied('policy/p')]]));
    assert.equal(all.with([]), all);
    assert.equal(AppliedMap.of(all), all);
    assert.deepEqual(differingParts(all, all), []);
  });
});
