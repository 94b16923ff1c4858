import assert from 'node:assert/strict';
import {
  expectedKey,
  expectNames,
  expects,
  expectsNobody,
  namesIn,
} from '@isthmus/mesh/identity/expected-names.ts';

const [own, other, third] = ['cart', 'orders', 'web'].map(
  (name) => `spiffe://cluster.local/ns/shop/sa/${name}`,
) as [string, string, string];

describe('expected names', () => {
  const expected = expectNames(own, [other, third], []);

  it('are the own name and any that is listed', () =>
    assert.deepEqual(
      [own, other, third, 'spiffe://cluster.local/ns/shop/sa/nobody', ''].map((name) =>
        expects(expected, name),
      ),
      [true, true, true, false, false],
    ));

  it('of nobody let nobody in', () => {
    const nobody = expectNames(undefined, [], []);
    assert.deepEqual([expectsNobody(nobody), expectsNobody(expected)], [true, false]);
    assert.equal(expects(nobody, ''), false);
  });

  it('are shown once each', () =>
    assert.deepEqual(namesIn(expectNames(own, [own, other], [other, third])), [own, other, third]));

  it('have one key for equal names, in whatever order they are listed', () => {
    assert.equal(expectedKey(expected), expectedKey(expectNames(own, [third, other, other])));
    const others = [
      expectNames(own),
      expectNames(undefined, [other, third]),
      expectNames(own, [other]),
      expectNames(other, [own, third]),
      expectNames(own, [`${other},${third}`]),
    ];
    assert.equal(new Set([expected, ...others].map(expectedKey)).size, 6);
  });
});
