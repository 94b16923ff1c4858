import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import { ourNode, upstreamNode } from '../../fakes/xds-world.ts';

describe('a proxy by its node', () => {
  it('of ours', () => {
    const node = ourNode('sidecar', 'cart-7.9', 'shop');
    assert.deepEqual(parseProxyClient(node, { namespace: 'shop' }), {
      ok: true,
      value: {
        id: 'sidecar/shop/cart-7.9',
        kind: 'sidecar',
        namespace: 'shop',
        pod: 'cart-7.9',
        key: 'shop/cart-7.9',
        nodeName: 'east-1',
        version: '0.1.0',
        upstreamVersion: '',
      },
    });
  });

  it('of Istio', () => {
    const parsed = parseProxyClient(upstreamNode('z'), { namespace: 'istio-system' });
    assert.ok(parsed.ok && parsed.value.version === '');
  });

  it('of a ztunnel without name and namespace in its environment comes from its token', () => {
    const node = { id: 'ztunnel~1.1.1.1~.~.svc.cluster.local', cluster: '', metadata: {} };
    const caller = { namespace: 'shop', pod: { name: 'cart-1', uid: 'u' } };
    const parsed = parseProxyClient(node, caller);
    assert.ok(parsed.ok);
    assert.equal(parsed.value.id, 'ztunnel/shop/cart-1');
  });

  it('whatever address it says: it is one proxy', () => {
    const ids = ['1.1.1.1', '2.2.2.2'].map((address) => {
      const id = `ztunnel~${address}~z.istio-system~d`;
      const parsed = parseProxyClient({ id, cluster: '', metadata: {} }, { namespace: 'istio-system' });
      return parsed.ok && parsed.value.id;
    });
    assert.deepEqual(ids, ['ztunnel/istio-system/z', 'ztunnel/istio-system/z']);
  });

  for (const id of [
    '',
    'ztunnel',
    'envoy~1.1.1.1~a.b~c',
    'ztunnel~1.1.1.1~a~c',
    'ztunnel~1.1.1.1~.~c',
    'ztunnel~1~a.b~c~d',
  ])
    it(`refuses '${id}'`, () =>
      assert.equal(parseProxyClient({ id, cluster: '', metadata: {} }, { namespace: 'b' }).ok, false));

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (id, metadata) => {
        assert.equal(
          typeof parseProxyClient({ id, cluster: '', metadata }, { namespace: 'b' }).ok,
          'boolean',
        );
      }),
    );
  });
});
