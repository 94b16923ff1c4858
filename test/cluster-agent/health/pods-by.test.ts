import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PodsBy } from '@isthmus/cluster-agent/health/pods-by.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { Sets } from '@isthmus/cluster-agent/view/sets.ts';

const keys = ['k1', 'k2'];
const step = fc.record({ isAdded: fc.boolean(), key: fc.constantFrom(...keys), pod: fc.nat(3) });

describe('pods by some key', () => {
  it('are those of a set for each key, in any order of adding and deleting', () =>
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const [few, sets] = [new PodsBy(), new Sets<string, string>()];
        for (const { isAdded, key, pod } of steps) {
          const name = podKey({ namespace: 'shop', name: `p-${pod}` });
          few[isAdded ? 'add' : 'delete'](key, name);
          sets[isAdded ? 'add' : 'delete'](key, name);
        }
        for (const key of keys) {
          assert.deepEqual([...few.of(key)], [...sets.get(key)]);
          assert.equal(few.has(key), sets.get(key).size > 0);
        }
      }),
    ));
});
