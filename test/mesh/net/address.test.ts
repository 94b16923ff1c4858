import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  addressBytes,
  addressLike,
  addressText,
  canonicalAddress,
  isLoopback,
} from '@isthmus/mesh/net/address.ts';
import { inBlock, parseBlock } from '@isthmus/mesh/net/cidr.ts';
import { ip } from '../../fakes/arbitrary-records.ts';

describe('addresses', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['10.0.0.1', '10.0.0.1'],
    ['127.16.1.5', '127.16.1.5'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['::', '::'],
    ['1', undefined],
    ['10.1', undefined],
    ['010.0.0.1', undefined],
    ['0x7f.0.0.1', undefined],
    ['10.0.0.256', undefined],
    ['fe80::1%eth0', undefined],
    ['', undefined],
    ['localhost', undefined],
    ['10.0.0.1:80', undefined],
    [' 10.0.0.1', undefined],
  ];
  for (const [text, canonical] of cases)
    it(`reads '${text}' as ${canonical ?? 'none'}`, () => assert.equal(canonicalAddress(text), canonical));

  it('has one text for the same bytes', () =>
    fc.assert(
      fc.property(ip, (text) => {
        const canonical = canonicalAddress(text);
        assert.ok(canonical !== undefined);
        assert.equal(canonicalAddress(canonical), canonical);
        assert.equal(addressText(addressBytes(text)!), canonical);
      }),
    ));

  it('writes an address of 16 bytes that holds IPv4 as IPv4', () =>
    assert.equal(
      addressText(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1)),
      '10.0.0.1',
    ));

  it('refuses bytes of another length', () => {
    for (const length of [0, 3, 5, 15, 17]) assert.equal(addressText(new Uint8Array(length)), undefined);
  });

  it('takes the address of the family that is spoken, else the first', () => {
    assert.equal(addressLike(['10.0.0.1', '2001:db8::1'], '2001:db8::9'), '2001:db8::1');
    assert.equal(addressLike(['10.0.0.1'], '2001:db8::9'), '10.0.0.1');
    assert.equal(addressLike(['10.0.0.1', '2001:db8::1'], undefined), '10.0.0.1');
    assert.equal(addressLike([], '10.0.0.1'), undefined);
    assert.ok(isLoopback('127.9.0.1') && isLoopback('::1') && !isLoopback('128.0.0.1'));
  });
});

describe('address blocks', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.0.0.127', '10.0.0.0/25', true],
    ['10.0.0.128', '10.0.0.0/25', false],
    ['10.0.0.1', '10.0.0.1/32', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.2', '10.0.0.1', false],
    ['255.1.1.1', '0.0.0.0/0', true],
    ['2001:db8::5', '2001:db8::/32', true],
    ['2001:db9::5', '2001:db8::/32', false],
    ['10.0.0.1', '::/0', false],
    ['::1', '0.0.0.0/0', false],
    ['::ffff:10.0.0.1', '10.0.0.0/8', true],
    ['10.0.0.1', '::ffff:10.0.0.0/104', true],
    ['nonsense', '0.0.0.0/0', false],
  ];
  for (const [address, text, inside] of cases)
    it(`${address} is ${inside ? '' : 'not '}in ${text}`, () => {
      const block = parseBlock(text);
      assert.ok(block.ok);
      assert.equal(inBlock(address, block.value), inside);
    });

  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'x/8',
    '::/129',
    '::ffff:10.0.0.0/95',
    '/8',
  ])
    it(`refuses ${text}`, () => assert.equal(parseBlock(text).ok, false));

  it('matches nothing by a block that cannot be', () => {
    assert.equal(inBlock('10.0.0.1', { address: '10.0.0.0', prefix: 33 }), false);
    assert.equal(inBlock('10.0.0.1', { address: 'x', prefix: 0 }), false);
    assert.equal(inBlock(undefined, { address: '10.0.0.0', prefix: 0 }), false);
    assert.equal(inBlock(undefined, { address: 'x', prefix: 0 }), false);
  });

  it('holds exactly the addresses that share its leading bits', () =>
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (address, base, prefix) => {
        const number = (text: string) => [...addressBytes(text)!].reduce((sum, byte) => sum * 256 + byte, 0);
        const size = 2 ** (32 - prefix);
        const expected = Math.floor(number(address) / size) === Math.floor(number(base) / size);
        assert.equal(inBlock(address, { address: base, prefix }), expected);
      }),
    ));
});
