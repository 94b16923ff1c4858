import assert from 'node:assert/strict';
import type { RefusalReason } from '@isthmus/mesh/identity/judge.ts';
import { decode, encode, sequence, type Der } from '@isthmus/mesh/pki/der.ts';
import { names } from '@isthmus/mesh/pki/names.ts';
import { dns, extension, uri, type HandMade } from './hand-made.ts';

/** One leaf that a verifier is shown, and what must come of it. */
export interface Leaf {
  readonly name: string;
  readonly made: HandMade;
  readonly wanted: RefusalReason | 'ACCEPTED';
}

/** Who the leaves say they are, in one way or another. */
export const claimed = 'spiffe://cluster.local/ns/shop/sa/cart';

/** The bytes and the tag of a good URI name, in another class: an OID to a decoder that reads classes. */
function universalSix(): Der {
  const bytes = encode(uri(claimed));
  bytes[0] = 0x06;
  const parsed = decode(bytes);
  assert.ok(parsed.ok);
  return parsed.value;
}

const anyExtendedKeyUsage = '2.5.29.37.0';

/**
 * Forty leaves that an intermediate of cluster.local has really signed, of which three name a workload as SPIFFE-ID
 * 2.1 to 2.3 and X509-SVID 2 to 5 have it. `role` is the peer's.
 */
export function fortyLeaves(role: 'client' | 'server', now: number): readonly Leaf[] {
  const hour = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const otherRole = role === 'client' ? names.serverAuth : names.clientAuth;
  const named = (...alternatives: Der[]): HandMade => ({ alternatives: [alternatives], ...hour });
  const id = (text: string): HandMade => named(uri(text));
  const inDomain = (path: string): HandMade => id(`spiffe://cluster.local${path}`);
  const rows: readonly (readonly [name: string, made: HandMade, wanted: Leaf['wanted']])[] = [
    ['a workload', id(claimed), 'ACCEPTED'],
    ['a workload with a DNS name beside it', named(dns('cart.shop'), uri(claimed)), 'ACCEPTED'],
    ['a workload as istiod issues it', { ...id(claimed), keyUsage: 0xa0 }, 'ACCEPTED'],

    ['an upper-case trust domain', id('spiffe://Cluster.local/ns/shop/sa/cart'), 'BAD_SAN'],
    ['an upper-case scheme', id('SPIFFE://cluster.local/ns/shop/sa/cart'), 'BAD_SAN'],
    ['another scheme', id('https://cluster.local/ns/shop/sa/cart'), 'BAD_SAN'],
    ['a port', id('spiffe://cluster.local:443/ns/shop/sa/cart'), 'BAD_SAN'],
    ['userinfo', id('spiffe://me@cluster.local/ns/shop/sa/cart'), 'BAD_SAN'],
    ['an escape in the path', inDomain('/ns/shop/sa/c%61rt'), 'BAD_SAN'],
    ['an escape in the trust domain', id('spiffe://cluster%2elocal/ns/shop/sa/cart'), 'BAD_SAN'],
    ['a segment ..', inDomain('/ns/shop/sa/../cart'), 'BAD_SAN'],
    ['a segment .', inDomain('/ns/./sa/cart'), 'BAD_SAN'],
    ['a trailing slash', inDomain('/ns/shop/sa/cart/'), 'BAD_SAN'],
    ['an empty segment', inDomain('/ns//sa/cart'), 'BAD_SAN'],
    ['a query', inDomain('/ns/shop/sa/cart?a=b'), 'BAD_SAN'],
    ['a fragment', inDomain('/ns/shop/sa/cart#a'), 'BAD_SAN'],
    ['more than 2,048 bytes', inDomain(`/ns/shop/sa/${'c'.repeat(2048)}`), 'BAD_SAN'],
    ['a trust domain over 255 bytes', id(`spiffe://${'t'.repeat(256)}/ns/shop/sa/cart`), 'BAD_SAN'],
    ['an empty trust domain', id('spiffe:///ns/shop/sa/cart'), 'BAD_SAN'],
    ['a NUL at the end', inDomain('/ns/shop/sa/cart\0'), 'BAD_SAN'],
    ['a NUL before another name', inDomain('/ns/shop/sa/cart\0.evil'), 'BAD_SAN'],
    ['a line break', inDomain('/ns/shop/sa/cart\n'), 'BAD_SAN'],
    ['a letter beyond ASCII', inDomain('/ns/shop/sa/c\xe4rt'), 'BAD_SAN'],
    ['no path', id('spiffe://cluster.local'), 'BAD_SAN'],
    ['an empty path', id('spiffe://cluster.local/'), 'BAD_SAN'],
    ['a path that is not a workload', inDomain('/shop/cart'), 'BAD_SAN'],
    ['a workload with more behind it', inDomain('/ns/shop/sa/cart/x'), 'BAD_SAN'],
    ['two URI names', named(uri(claimed), uri('spiffe://cluster.local/ns/shop/sa/admin')), 'BAD_SAN'],
    ['the same URI twice', named(uri(claimed), uri(claimed)), 'BAD_SAN'],
    ['a URI inside a DNS name with a comma', named(dns(`a, URI:${claimed}`)), 'BAD_SAN'],
    ['a common name only', { ...named(), alternatives: [], commonName: claimed }, 'BAD_SAN'],
    ['a name of another class with the tag of a URI', named(universalSix()), 'BAD_SAN'],
    ['a CA that may sign', { ...id(claimed), ca: true, keyUsage: 0x84 }, 'WRONG_PURPOSE'],
    ['a CA without keyCertSign', { ...id(claimed), ca: true }, 'WRONG_PURPOSE'],
    ['no digitalSignature', { ...id(claimed), keyUsage: 0x20 }, 'WRONG_PURPOSE'],
    [
      'an unknown critical extension',
      { ...id(claimed), more: [extension('1.3.6.1.4.1.99999.1', true, encode(sequence()))] },
      'WRONG_PURPOSE',
    ],
    ['the other role’s key usage alone', { ...id(claimed), usages: [otherRole] }, 'WRONG_PURPOSE'],
    ['any extended key usage alone', { ...id(claimed), usages: [anyExtendedKeyUsage] }, 'WRONG_PURPOSE'],
    ['no extended key usage', { ...id(claimed), usages: undefined }, 'WRONG_PURPOSE'],
    ['a foreign trust domain by our intermediate', id('spiffe://td-b/ns/shop/sa/cart'), 'WRONG_TRUST_DOMAIN'],
  ];
  return rows.map(([name, made, wanted]) => ({ name, made, wanted }));
}
