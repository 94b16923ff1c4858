import assert from 'node:assert/strict';
import { futureTime, names, serviceRef, wholeNumber } from '../../cli/arguments.ts';

describe('cli/arguments', () => {
  const read = futureTime(() => Date.UTC(2026, 0, 1));
  for (const [text, time] of [
    ['90s', '2026-01-01T00:01:30.000Z'],
    ['30m', '2026-01-01T00:30:00.000Z'],
    ['2h', '2026-01-01T02:00:00.000Z'],
    ['1d', '2026-01-02T00:00:00.000Z'],
    ['2030-01-31T03:00:00Z', '2030-01-31T03:00:00.000Z'],
    ['2030-01-31T03:00+02:00', '2030-01-31T01:00:00.000Z'],
  ] as const)
    it(`reads the time ${text}`, () => assert.equal(read(text), time));
  for (const text of [
    '',
    '2',
    'h',
    '-2h',
    '2w',
    '1.5h',
    '1e3s',
    'tomorrow',
    '2030-01-31',
    '2030-13-31T03:00:00Z',
  ])
    it(`refuses the time '${text}'`, () => assert.throws(() => read(text), /30m or 2h/));

  for (const text of ['', ' ', '-1', '1.5', '0x10', '1e1', 'NaN', '101', '9'.repeat(400)])
    it(`refuses the number '${text.slice(0, 10)}'`, () =>
      assert.throws(() => wholeNumber(0, 100)(text), /whole number from 0 to 100/));
  it('reads both ends of a range', () => assert.deepEqual(['0', '100'].map(wholeNumber(0, 100)), [0, 100]));

  it('reads a service, in the namespace default when none is said', () => {
    assert.deepEqual(serviceRef('shop/cart'), { namespace: 'shop', name: 'cart' });
    assert.deepEqual(serviceRef('cart'), { namespace: 'default', name: 'cart' });
    for (const text of ['', '/', 'a/', '/a', 'a/b/c'])
      assert.throws(() => serviceRef(text), /namespace\/name/);
  });

  it('reads names between commas, none of them empty', () => {
    assert.deepEqual(names('a, b,c'), ['a', 'b', 'c']);
    for (const text of ['', ',', 'a,,b', 'a,']) assert.throws(() => names(text), /empty/);
  });
});
