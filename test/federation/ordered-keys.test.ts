import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OrderedKeys } from '../../federation/index/ordered-keys.ts';
import { page, pageOfKeys } from '../../federation/graphql/pages.ts';

const key = fc.oneof(
  fc.constantFrom('shop/a', 'shop/b', 'shop/ab', 'shopping/a', 'pay/x', 'pay/𝒳', 'pay/～'),
  fc.string({ maxLength: 3 }),
);
const changes = fc.array(fc.tuple(fc.boolean(), key), { maxLength: 80 });

/** All of a list by the page, as it was made before there was an index: every key is sorted, then a part is taken. */
const oldPage = (all: ReadonlySet<string>, prefix: string, first: number, after?: string) =>
  page(
    [...all].filter((one) => one.startsWith(prefix)),
    (one) => one,
    { first, after },
    (one) => one,
  );

describe('keys in order', () => {
  it('are paged as a list that is sorted from scratch for each page, after any changes', () => {
    fc.assert(
      fc.property(
        fc.array(changes, { maxLength: 4 }),
        fc.constantFrom('', 'shop/', 'pay/', 'x', 'none/'),
        fc.integer({ min: 1, max: 5 }),
        (rounds, prefix, first) => {
          const keys = new OrderedKeys();
          const all = new Set<string>();
          for (const round of rounds) {
            for (const [isThere, one] of round) {
              if (isThere) keys.add(one);
              else keys.remove(one);
              if (isThere) all.add(one);
              else all.delete(one);
            }
            assert.equal(keys.size, all.size);
            let after: string | undefined;
            for (let pages = 0; pages <= all.size; pages++) {
              const expected = oldPage(all, prefix, first, after);
              assert.deepEqual(
                pageOfKeys(keys, prefix, { first, after }, (one) => one),
                expected,
              );
              if (!expected.hasNextPage) break;
              after = expected.edges.at(-1)?.cursor;
            }
          }
        },
      ),
    );
  });

  it('begin after a cursor whose key is gone, and at the prefix when it is before that', () => {
    const keys = new OrderedKeys();
    for (const one of ['a/1', 'b/1', 'b/2', 'c/1']) keys.add(one);
    keys.remove('b/1');
    const from = (after: string) =>
      pageOfKeys(keys, 'b/', { first: 9, after: Buffer.from(after).toString('base64url') }, (one) => one);
    assert.deepEqual(
      from('b/1').edges.map(({ node }) => node),
      ['b/2'],
    );
    assert.deepEqual(
      from('a/1').edges.map(({ node }) => node),
      ['b/2'],
    );
    assert.deepEqual([from('c/1').edges, from('c/1').hasNextPage], [[], false]);
  });

  for (const changed of [31, 32, 33])
    it(`are in order after ${changed} changes at once`, () => {
      const keys = new OrderedKeys();
      for (let i = 0; i < 100; i++) keys.add(`k${i}`);
      assert.equal([...keys].length, 100);
      for (let i = 0; i < changed; i++) keys.remove(`k${i * 3}`);
      assert.deepEqual([...keys], [...keys].sort());
      assert.equal([...keys].length, 100 - changed);
    });
});
