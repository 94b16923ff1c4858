import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import fc from 'fast-check';
import {
  formatWorkloadIdentity,
  parseLinkAgent,
  parseSpiffeId,
  parseTrustDomain,
  parseWorkloadIdentity,
  principalOf,
  trustDomainOf,
  type TrustDomain,
} from '@isthmus/mesh/identity/spiffe-id.ts';

const valid = (text: string) => {
  const id = parseSpiffeId(text);
  assert.ok(id.ok, text);
  return id.value;
};

describe('mesh/identity SPIFFE IDs', () => {
  it('takes names up to their limits and none beyond', () => {
    assert.equal(parseTrustDomain('a'.repeat(255)).ok, true);
    assert.equal(parseTrustDomain('a'.repeat(256)).ok, false);
    assert.equal(parseTrustDomain('').ok, false);
    const head = 'spiffe://td/';
    assert.equal(parseSpiffeId(head + 'p'.repeat(2048 - head.length)).ok, true);
    assert.equal(parseSpiffeId(head + 'p'.repeat(2049 - head.length)).ok, false);
  });

  const bad = ['Td', 't d', 'td:1', 'u@td', 't%61', 'td/', 'tд', 'td\n', '\0'];
  for (const text of bad)
    it(`refuses the trust domain ${JSON.stringify(text)}`, () =>
      assert.equal(parseTrustDomain(text).ok, false));

  it('tells a workload from anything else', () => {
    const workload = parseWorkloadIdentity('spiffe://cluster.local/ns/shop/sa/cart');
    assert.deepEqual(workload, {
      ok: true,
      value: { trustDomain: defaultTrustDomain, namespace: 'shop', serviceAccount: 'cart' },
    });
    for (const path of ['ns/shop', 'ns/shop/sa', 'sa/cart/ns/shop', 'ns/shop/sa/cart/x', 'NS/shop/SA/cart'])
      assert.equal(parseWorkloadIdentity(`spiffe://cluster.local/${path}`).ok, false, path);
  });

  it('tells an agent from anything else', () => {
    assert.deepEqual(parseLinkAgent('spiffe://link.hub-1/cluster/east'), {
      ok: true,
      value: { hubId: 'hub-1', cluster: 'east' },
    });
    for (const id of [
      'spiffe://hub-1/cluster/east',
      'spiffe://link./cluster/east',
      'spiffe://link.hub-1/cluster',
      'spiffe://link.hub-1/cluster/east/x',
      'spiffe://link.hub-1/ns/shop/sa/cart',
    ])
      assert.equal(parseLinkAgent(id).ok, false, id);
  });

  it('quotes what it refuses, so that no log line is broken by it', () => {
    const refused = parseSpiffeId('spiffe://td/ns/a\nb');
    assert.ok(!refused.ok);
    assert.doesNotMatch(refused.error, /\n/);
  });

  it('gives back what it was made of', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((one) => one !== '.' && one !== '..');
    const domain = fc.stringMatching(/^[a-z0-9._-]{1,40}$/);
    fc.assert(
      fc.property(domain, segment, segment, (trustDomain, namespace, serviceAccount) => {
        const identity = { trustDomain: trustDomain as TrustDomain, namespace, serviceAccount };
        const id = formatWorkloadIdentity(identity);
        assert.deepEqual(parseWorkloadIdentity(id), { ok: true, value: identity });
        assert.equal(trustDomainOf(valid(id)), trustDomain);
        assert.equal(`spiffe://${principalOf(identity)}`, id);
      }),
    );
  });
});
