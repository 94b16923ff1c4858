import assert from 'node:assert/strict';
import { AllocationIndex } from '@isthmus/cluster-agent/kept/allocation-index.ts';
import fc from 'fast-check';

const services = ['a', 'b', 'c', 'd', 'e', 'f'];
const addresses = ['1', '2', '3', '4', '5'];

/** Reads a part only as often as it is meant to. */
class CountedEntries extends Map<string, string> {
  reads = 0;
  override [Symbol.iterator](): MapIterator<[string, string]> {
    this.reads++;
    return super[Symbol.iterator]();
  }
}

const holdings = (index: AllocationIndex) => services.map((service) => index.get(service));

/** The rule, over all parts at once. */
function first(parts: readonly ReadonlyMap<string, string>[]): readonly (string | undefined)[] {
  const counted = new Map<string, string>();
  for (const [service, address] of parts.flatMap((part) => [...part]))
    if (!counted.has(service) && ![...counted.values()].includes(address)) counted.set(service, address);
  return services.map((service) => counted.get(service));
}

describe('the index of the addresses in ConfigMaps', () => {
  it('has after each change of a part what all parts have together, and names the services that it changes', () => {
    const entries = fc
      .array(fc.tuple(fc.constantFrom(...services), fc.constantFrom(...addresses)), { maxLength: 5 })
      .map((all) => new Map(all));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), entries), { maxLength: 12 }), (changes) => {
        const index = new AllocationIndex();
        const parts = [0, 1, 2].map(() => new Map<string, string>());
        for (const [number, part] of changes) {
          const before = holdings(index);
          const changed = index.replace(number, part);
          parts[number] = part;
          const now = first(parts);
          assert.deepEqual(holdings(index), now);
          assert.deepEqual(
            [...changed].sort(),
            services.filter((_, i) => before[i] !== now[i]),
          );
          for (const address of addresses) assert.equal(index.isTaken(address), now.includes(address));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads no other part for a change of one', () => {
    const index = new AllocationIndex();
    const other = new CountedEntries([['a', '1']]);
    index.replace(0, other);
    const { reads } = other;
    index.replace(1, new Map([['b', '2']]));
    index.replace(1, new Map([['c', '2']]));
    assert.equal(other.reads, reads);
    assert.deepEqual(index.replace(1, new Map([['c', '1']])), ['c'], 'it collides');
    assert.ok(other.reads > reads);
  });
});
