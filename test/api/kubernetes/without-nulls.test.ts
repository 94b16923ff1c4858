import assert from 'node:assert/strict';
import { withoutNulls } from '@isthmus/api/kubernetes/without-nulls.ts';
import fc from 'fast-check';

/** As text: a field that is undefined has no place in it. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, one: unknown) =>
      typeof one === 'object' && one !== null && !Array.isArray(one)
        ? Object.fromEntries(Object.entries(one).filter(([, field]) => field !== null))
        : one,
    ),
  );

describe('a JSON value without nulls', () => {
  it('has every field but those that are null, at any depth, and every member of lists', () => {
    const value = { a: null, b: { c: null, d: [null, { e: null, f: 1 }] }, g: '' };
    assert.deepEqual(withoutNulls(value), { b: { d: [null, { f: 1 }] }, g: '' });
    fc.assert(fc.property(fc.jsonValue(), (one) => assert.deepEqual(plain(withoutNulls(one)), plain(one))));
  });

  it('is the very value when no field of it is null', () => {
    const value = { a: [null, 1], b: { c: '' } };
    assert.equal(withoutNulls(value), value);
    assert.equal(withoutNulls(null), null);
  });

  it('leaves the value as it is', () => {
    const value = { a: null, b: { c: null } };
    withoutNulls(value);
    assert.deepEqual(value, { a: null, b: { c: null } });
  });
});
