import assert from 'node:assert/strict';
import { applyPolicy } from '../../federation/policy/access-policy.ts';
import { checkPrincipal } from '../../federation/policy/principal.ts';
import { exportService, unexportService } from '../../federation/policy/service-export.ts';
import { serviceView } from '../../federation/graphql/types/service.ts';
import { Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

describe('federation/policy: principals that somebody can match', () => {
  const good = [
    '*',
    'cluster.local/ns/shop/sa/cart',
    'cluster.local/ns/shop/sa/*',
    'cluster.local/ns/shop/*',
    'cluster.local/n*',
    'cluster.local*',
    'clu*',
    '*/sa/cart',
    '*cart',
    '*/ns/shop/sa/cart',
    '*s/shop/sa/cart',
    '*local/ns/shop/sa/cart',
  ];
  for (const principal of good)
    it(`takes ${principal}`, () => assert.equal(checkPrincipal(principal, ['cluster.local']), undefined));
  const bad = [
    ...['', '*shop*', '* x y', '*sh op', 'nosuch*', 'nosuch/ns/a/sa/b', 'cluster.local/ns/shop', 'a*b'],
    ...[
      'cluster.local/x*',
      'cluster.local/ns/shop/x*',
      'cluster.local//sa/*',
      '*/x/cart',
      '*/ns/',
      '*a/b/c/d/e/f',
    ],
    ...['spiffe://cluster.local/ns/a/sa/b', 'cluster.local/ns/shop/sa/', '**', '*/ns/shop'],
  ];
  for (const principal of bad)
    it(`refuses '${principal}'`, () => assert.ok(checkPrincipal(principal, ['cluster.local'])));
});

describe('federation/policy: labels and exports', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
  });
  afterEach(() => hub.end());

  const labels: Record<string, Record<string, string>> = {
    'an empty key': { '': 'x' },
    'a key with a space': { 'a b': 'x' },
    'two slashes': { 'a/b/c': 'x' },
    'a value that none can have': { app: 'a b' },
  };
  for (const [what, bad] of Object.entries(labels))
    it(`refuses a target with ${what}`, async () => {
      const target = { clusters: [], namespace: 'shop', labels: bad };
      const rules = [{ principals: [], namespaces: [], ports: [80] }];
      const outcome = await hub.run(applyPolicy, {
        kind: 'accessPolicy',
        name: 'p',
        effect: 'DENY',
        target,
        rules,
      });
      assert.ok(!outcome.ok && outcome.errors[0]?.field.join('.') === 'policy.access.target.labels');
    });

  const remotes = (cluster: string) => [...hub.received(cluster, 'remote').keys()];
  const conditions = (cluster: string) =>
    serviceView(hub.now, inShop('cart'))
      ?.clusters()
      .find((one) => one.cluster === cluster)
      ?.conditions.map(({ reason }) => reason);

  it('lets an admin’s export of one cluster leave another’s by label as it is', async () => {
    hub.report('east', { services: { cart: 1 } });
    hub.report('west', { services: { cart: 1 }, over: { cart: { exportRequested: false } } });
    assert.deepEqual([remotes('west'), remotes('east')], [['east/shop/cart'], []]);
    await hub.run(exportService, { namespace: 'shop', name: 'cart', clusters: ['west'] });
    assert.deepEqual([remotes('west'), remotes('east')], [['east/shop/cart'], ['west/shop/cart']]);
    await hub.run(unexportService, { namespace: 'shop', name: 'cart' });
    assert.deepEqual(remotes('east'), []);
  });

  it('says of a service that is not exported that those of its name elsewhere are others, which its agent receives all the same', () => {
    hub.report('east', { services: { cart: 1 } });
    hub.report('west', { services: { cart: 1 }, over: { cart: { exportRequested: false } } });
    assert.deepEqual([remotes('west'), remotes('east')], [['east/shop/cart'], []]);
    assert.deepEqual([conditions('west'), conditions('east')], [['EXPORT_CONFLICT'], []]);
    hub.report('west', { services: { cart: 1 } });
    assert.deepEqual(remotes('west'), ['east/shop/cart']);
    assert.deepEqual(conditions('west'), []);
    hub.report('west', {});
    assert.deepEqual(remotes('west'), ['east/shop/cart']);
  });
});
