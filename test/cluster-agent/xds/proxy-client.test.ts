import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import { ourNode, upstreamNode } from '../../fakes/xds-world.ts';

describe('a proxy by its node', () => {
  it('of ours', () => {
    const node = ourNode('sidecar', 'cart-7.9', 'shop');
    assert.deepEqual(parseProxyClient(node), {
      ok: true,
      value: {
        ...{ id: node.id, kind: 'sidecar', namespace: 'shop', pod: 'cart-7.9', key: 'shop/cart-7.9' },
        ...{ nodeName: 'east-1', version: '0.1.0' },
      },
    });
  });

  it('of Istio', () => {
    const parsed = parseProxyClient(upstreamNode('z'));
    assert.ok(parsed.ok && parsed.value.version === '');
  });

  for (const id of [
    '',
    'ztunnel',
    'envoy~1.1.1.1~a.b~c',
    'ztunnel~1.1.1.1~a~c',
    'ztunnel~1.1.1.1~.~c',
    'ztunnel~~a.~c',
    'ztunnel~1~a.b~c~d',
  ])
    it(`refuses '${id}'`, () => assert.equal(parseProxyClient({ id, cluster: '', metadata: {} }).ok, false));

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (id, metadata) => {
        assert.equal(typeof parseProxyClient({ id, cluster: '', metadata }).ok, 'boolean');
      }),
    );
  });
});
