import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatPassthroughSni, parsePassthroughSni } from '@isthmus/mesh/decide/sni.ts';
import { namesMeant } from '@isthmus/mesh/decide/host-names.ts';

describe('the server name of a passthrough', () => {
  it('is read as it was written', () =>
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        assert.deepEqual(parsePassthroughSni(formatPassthroughSni(host, port)), {
          host: host.toLowerCase(),
          port,
        });
      }),
    ));

  it('means the same in any case', () =>
    assert.deepEqual(parsePassthroughSni('OUTBOUND_.80_._.Cart.SHOP'), { host: 'cart.shop', port: 80 }));

  for (const sni of [
    '',
    'outbound_.80_._.cart.shop\0',
    'outbound_.80_._.cart.shop\0.evil',
    'outbound_.80_._.\0cart.shop',
    'outbound_.80_._.cart.shop\n',
    'cart.shop',
    'outbound_.80_._.',
    'outbound_.0_._.a',
    'outbound_.65536_._.a',
    'outbound_.80_.v1_.a',
    'inbound_.80_._.a',
    'outbound_.80_._.a b',
    'x.outbound_.80_._.a',
  ])
    it(`is not '${sni}'`, () => assert.equal(parsePassthroughSni(sni), undefined));
});

describe('names that a client means', () => {
  it('are as written first, then completed from its own namespace outwards', () =>
    assert.deepEqual(namesMeant('Cart', 'shop'), [
      'cart',
      'cart.shop.svc.cluster.local',
      'cart.svc.cluster.local',
      'cart.cluster.local',
    ]));
  it('are not completed when a dot says that they are whole', () =>
    assert.deepEqual(namesMeant('cart.shop.', 'shop'), ['cart.shop']));
  it('an empty name stays empty', () => assert.deepEqual(namesMeant('', 'shop'), ['']));
});
