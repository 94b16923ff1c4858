import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Expiries } from '@isthmus/cluster-agent/health/expiries.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const time = fc.oneof(fc.nat(40), fc.constant(Infinity));
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, at: time }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('due' as const), now: fc.nat(40) }),
);

describe('what ends when', () => {
  it('is the earliest first, as a list that is looked through each time would have it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const expiries = new Expiries<string>();
        const all = new Map<string, number>();
        for (const one of steps) {
          if (one.do === 'set') {
            expiries.set(one.key, one.at);
            if (one.at === Infinity) all.delete(one.key);
            else all.set(one.key, one.at);
          } else if (one.do === 'delete') {
            expiries.delete(one.key);
            all.delete(one.key);
          } else {
            const ended = [...all].filter(([, at]) => at <= one.now);
            assert.deepEqual([...expiries.due(one.now)].sort(), ended.map(([name]) => name).sort());
            for (const [name] of ended) all.delete(name);
          }
          assert.equal(expiries.next, Math.min(Infinity, ...all.values()));
        }
      }),
    );
  });

  it('keeps a bounded number of times that count for nothing any more', () => {
    const expiries = new Expiries<string>();
    for (let at = 0; at < 100_000; at++) expiries.set('a', at);
    assert.equal(expiries.next, 99_999);
    assert.deepEqual([...expiries.due(100_000)], ['a']);
    assert.equal(expiries.next, Infinity);
  });
});
