import assert from 'node:assert/strict';
import { formatServiceKey, parseServiceKey, serviceNameOf } from '@isthmus/api/domain/names.ts';
import { formatRemoteName, parseRemoteName } from '@isthmus/api/domain/remote-name.ts';

const cart = { namespace: 'shop', name: 'cart' };

describe('the key of a service', () => {
  it('is made of namespace and name, and read back', () => {
    const key = formatServiceKey(cart);
    assert.equal(key, 'shop/cart');
    assert.equal(parseServiceKey('shop/cart'), key);
    assert.deepEqual(serviceNameOf(key), cart);
  });

  for (const text of ['', 'cart', '/', '/cart', 'shop/', 'shop/cart/', 'east/shop/cart'])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseServiceKey(text), undefined));
});

describe('the name of a service of another cluster', () => {
  it('is made of the cluster and the key of the service, and read back', () => {
    const name = { cluster: 'east', service: formatServiceKey(cart) };
    assert.equal(formatRemoteName(name), 'east/shop/cart');
    assert.deepEqual(parseRemoteName('east/shop/cart'), name);
  });

  for (const text of ['', 'shop/cart', '/shop/cart', 'east//cart', 'east/shop/', 'east/shop/cart/x'])
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseRemoteName(text), undefined));
});
