import assert from 'node:assert/strict';
import { issuerFault, leafFault } from '@isthmus/mesh/pki/fit.ts';
import { bits, boolean, encode, integer, octets, oid, sequence } from '@isthmus/mesh/pki/der.ts';
import { issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { names } from '@isthmus/mesh/pki/names.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { dns, extension, handMadeCertificate, uri, type HandMade } from '../../fakes/hand-made.ts';

const now = Date.now();
const authority = makeAuthority('cluster.local', 'east', now);
const cart = 'spiffe://cluster.local/ns/shop/sa/cart';
const base: HandMade = { alternatives: [[uri(cart)]], notBefore: now - 60_000, notAfter: now + 3_600_000 };
const made = (over: Partial<HandMade>) => handMadeCertificate(authority.intermediate, { ...base, ...over });
const policies = '2.5.29.32';
const nameConstraints = '2.5.29.30';
const unknown = '1.3.6.1.4.1.99999.1';
const empty = encode(sequence());
const more = (id: string, critical: boolean): Partial<HandMade> => ({
  more: [extension(id, critical, empty)],
});
/** A critical extension whose flag is true to OpenSSL, and not as DER writes true. */
const sloppilyCritical = sequence(oid(unknown), { ...boolean(true), value: '\x01' }, octets(empty));

describe('mesh/pki: whether a certificate is fit to be a leaf', () => {
  const ca = /is a CA \(basicConstraints CA:TRUE\), not a leaf/;
  const cases: readonly (readonly [string, Partial<HandMade>, RegExp | undefined])[] = [
    ['one with digitalSignature', {}, undefined],
    ['as istiod issues it, with keyEncipherment', { keyUsage: 0xa0 }, undefined],
    ['with a DNS name beside the URI', { alternatives: [[dns('cart.shop'), uri(cart)]] }, undefined],
    ['with an unknown extension that is not critical', more(unknown, false), undefined],
    ['with policies that are not critical', more(policies, false), undefined],
    ['CA:TRUE with keyCertSign', { ca: true, keyUsage: 0x84 }, ca],
    ['CA:TRUE without keyCertSign', { ca: true, keyUsage: 0x80 }, ca],
    ['CA:TRUE without any key usage', { ca: true, keyUsage: undefined }, ca],
    [
      'CA:TRUE in a byte that is not 0xff',
      { constraints: sequence({ ...boolean(true), value: '\x01' }) },
      ca,
    ],
    ['a path length without CA:TRUE', { constraints: sequence(integer(Buffer.of(0))) }, /path length/],
    ['constraints with something unknown', { constraints: sequence(octets(empty)) }, /cannot be read/],
    ['constraints that are no sequence', { constraints: octets(empty) }, /cannot be read/],
    ['no key usage', { keyUsage: undefined }, /has no keyUsage that can be read/],
    ['a key usage without bits', { keyUsage: 0 }, /keyUsage without digitalSignature/],
    ['keyEncipherment alone', { keyUsage: 0x20 }, /keyUsage without digitalSignature/],
    [
      'keyCertSign without CA:TRUE',
      { keyUsage: 0x84 },
      /keyUsage with keyCertSign, which only a CA may have/,
    ],
    ['cRLSign', { keyUsage: 0x82 }, /keyUsage with cRLSign, which only a CA may have/],
    ['an unknown critical extension', more(unknown, true), /critical extension 1\.3\.6\.1\.4\.1\.99999\.1/],
    ['an unknown extension, sloppily critical', { more: [sloppilyCritical] }, /critical extension 1\.3\.6/],
    ['critical policies', more(policies, true), /critical extension 2\.5\.29\.32/],
    ['critical name constraints', more(nameConstraints, true), /critical extension 2\.5\.29\.30/],
    [
      'a second key usage',
      { more: [extension(names.keyUsage, true, encode(bits(Buffer.of(0x84))))] },
      /extension keyUsage \(2\.5\.29\.15\) more than once/,
    ],
    [
      'second constraints',
      { more: [extension(names.basicConstraints, true, encode(sequence(boolean(true))))] },
      /extension basicConstraints \(2\.5\.29\.19\) more than once/,
    ],
    [
      'an unknown extension twice',
      { more: [1, 2].map(() => extension(unknown, false, empty)) },
      /more than once/,
    ],
  ];
  for (const [name, over, wanted] of cases)
    it(`${wanted ? 'refuses' : 'takes'} ${name}`, () => {
      const fault = leafFault(made(over));
      if (wanted) assert.match(fault ?? 'taken', wanted);
      else assert.equal(fault, undefined);
    });

  it('takes what our issuers make, and neither an intermediate nor a root', () => {
    const leaf = issueLeaf(cart, generateKey().publicKey, authority.intermediate, { now }, systemRandom);
    assert.equal(leafFault(leaf), undefined);
    assert.match(leafFault(authority.intermediate.certificate) ?? '', ca);
    assert.match(leafFault(authority.root) ?? '', ca);
  });
});

describe('mesh/pki: whether a certificate is fit to issue others', () => {
  const cases: readonly (readonly [string, Partial<HandMade>, RegExp | undefined])[] = [
    ['a CA that may sign certificates', { ca: true, keyUsage: 0x06 }, undefined],
    ['a leaf', {}, /is not a CA/],
    ['keyCertSign without CA:TRUE', { keyUsage: 0x04 }, /is not a CA/],
    ['CA:TRUE without keyCertSign', { ca: true, keyUsage: 0x80 }, /no keyUsage with keyCertSign/],
    ['CA:TRUE without a key usage', { ca: true, keyUsage: undefined }, /no keyUsage with keyCertSign/],
    [
      'critical name constraints, which nothing here enforces',
      { ca: true, keyUsage: 0x06, ...more(nameConstraints, true) },
      /critical extension 2\.5\.29\.30/,
    ],
  ];
  for (const [name, over, wanted] of cases)
    it(`${wanted ? 'refuses' : 'takes'} ${name}`, () => {
      const fault = issuerFault(made(over));
      if (wanted) assert.match(fault ?? 'taken', wanted);
      else assert.equal(fault, undefined);
    });

  it('takes our roots and intermediates', () => {
    assert.equal(issuerFault(authority.root), undefined);
    assert.equal(issuerFault(authority.intermediate.certificate), undefined);
  });
});
