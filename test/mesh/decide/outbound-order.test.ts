import assert from 'node:assert/strict';
import { decideOutbound } from '@isthmus/mesh/decide/outbound.ts';
import { routeKey } from '@isthmus/mesh/decide/route-key.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { seededRandom } from '../../fakes/random.ts';
import { doubleWest, routesOf, toAddress, decisionText } from './outbound-asking.ts';
import { backs, cart, client, entry, network, pod, stateOf, westGateway } from './world.ts';

describe('outbound: several ways', () => {
  const near = ['10.0.0.2', '10.0.0.3'].map((address, i) => pod(`cart-${i}`, address, backs(cart)));
  const failover = { ...cart, mode: 'FAILOVER' as const, routingPreference: ['NETWORK', 'REGION'] as const };
  const [first, second] = near.map(
    ({ addresses }) => `hbone ${addresses[0]!}:15008 for ${addresses[0]!}:8080`,
  );
  const all = stateOf([...near, entry(failover, 'hbone'), westGateway], [failover]);
  const seeds = Array.from({ length: 50 }, (_, seed) => seed);
  const decideWith = (state: MeshState, seed: number, avoid?: (key: string) => boolean) =>
    decideOutbound(
      state,
      { source: client, network, target: toAddress('10.1.0.1') },
      seededRandom(seed),
      avoid,
    );

  it('the nearest rank in either order, then the next', () => {
    const seen = new Set(seeds.map((seed) => decisionText(decideWith(all, seed))));
    assert.deepEqual(
      seen,
      new Set([[first, second, doubleWest].join(', '), [second, first, doubleWest].join(', ')]),
    );
  });

  it('at most three, and different ones', () => {
    const many = Array.from({ length: 9 }, (_, i) => pod(`cart-${i}`, `10.0.1.${i}`, backs(cart)));
    for (const seed of seeds) {
      const routes = routesOf(decideWith(stateOf(many), seed));
      assert.equal(routes.length, 3);
      assert.equal(new Set(routes.map(routeKey)).size, 3);
    }
  });

  it('of a thousand endpoints only three are drawn', () => {
    const many = Array.from({ length: 1000 }, (_, i) =>
      pod(`cart-${i}`, `10.2.${i >> 8}.${i & 255}`, backs(cart)),
    );
    let draws = 0;
    const random = { ...seededRandom(1), fraction: () => ++draws / 1000 };
    decideOutbound(stateOf(many), { source: client, network, target: toAddress('10.1.0.1') }, random);
    assert.equal(draws, 3);
  });

  it('of 200 endpoints the only one that a classic sidecar can reach is found', () => {
    const many = Array.from({ length: 200 }, (_, i) => pod(`cart-${i}`, `10.2.0.${i}`, backs(cart)));
    const state = stateOf([...many, pod('open', '10.3.0.1', { ...backs(cart), classicClients: true })]);
    const source = { ...client, transport: 'istio-mtls' as const, sidecar: true };
    for (const seed of seeds) {
      const target = toAddress('10.1.0.1');
      const routes = routesOf(decideOutbound(state, { source, network, target }, seededRandom(seed)));
      assert.deepEqual(
        routes.map(({ workload }) => workload.name),
        ['open'],
      );
    }
  });

  it('a recent failure goes last, even behind a farther rank', () => {
    const failed = 'hbone|10.0.0.2:15008|10.0.0.2:8080';
    for (const seed of seeds)
      assert.equal(
        decisionText(decideWith(all, seed, (key) => key === failed)),
        [second, doubleWest, first].join(', '),
      );
  });

  it('when all have failed, all are tried', () =>
    assert.equal(routesOf(decideWith(all, 1, () => true)).length, 3));

  it('what cannot be reached is left out, and the rest remain', () => {
    const state = stateOf([...near, entry(failover, 'hbone', { networkGateway: undefined })], [failover]);
    assert.equal(routesOf(decideWith(state, 1)).length, 2);
  });

  it('entries behind one passthrough that nothing tells apart are one way', () => {
    const zones = ['b1', 'b2'].map((zone) =>
      entry(cart, 'istio-mtls', { uid: zone, locality: { region: 'region-b', zone, subzone: '' } }),
    );
    assert.equal(routesOf(decideWith(stateOf([...zones, westGateway]), 1)).length, 1);
  });

  it('entries of two places behind one gateway are two ways', () => {
    const zones = ['b1', 'b2'].map((zone) =>
      entry(cart, 'hbone', { uid: zone, locality: { region: 'region-b', zone, subzone: '' } }),
    );
    const routes = routesOf(decideWith(stateOf([...zones, westGateway]), 1));
    assert.deepEqual(routes.map((route) => (route.kind === 'double-hbone' ? route.target : '')).sort(), [
      'west/region-b/b1',
      'west/region-b/b2',
    ]);
  });

  it('shares by capacity, entries and endpoints alike', () => {
    const weighted = stateOf([
      ...near.map((one) => ({ ...one, capacity: 1000 })),
      ...[entry(cart, 'hbone', { capacity: 857 }), westGateway],
    ]);
    const random = seededRandom(3);
    const times = 10_000;
    let away = 0;
    for (let i = 0; i < times; i++) {
      const decision = decideOutbound(
        weighted,
        { source: client, network, target: toAddress('10.1.0.1') },
        random,
      );
      if (routesOf(decision)[0]?.kind === 'double-hbone') away += 1 / times;
    }
    assert.ok(Math.abs(away - 0.3) < 0.015, `${away} instead of 0.3`);
  });

  it('strict: what does not match is no way at all', () => {
    const strict = (scope: 'NETWORK' | 'REGION') => ({
      ...failover,
      mode: 'STRICT' as const,
      routingPreference: [scope],
    });
    const by = (service: typeof cart) =>
      decisionText(decideWith(stateOf([...near, entry(service, 'hbone'), westGateway], [service]), 1));
    assert.equal(by(strict('NETWORK')).includes('double-hbone'), false);
    assert.equal(by(strict('REGION')), 'refuse NO_HEALTHY_UPSTREAM');
  });
});
