import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { weightCap } from '@isthmus/api/domain/limits.ts';
import { shares, type Diverted } from '@isthmus/mesh/balance/shares.ts';
import { capped } from '@isthmus/mesh/balance/weight-cap.ts';
import { gatewaysFor } from '@isthmus/mesh/balance/gateways-for.ts';
import { trafficShiftsOf } from '@isthmus/federation/compile/traffic-shifts.ts';
import { groupsFor, heldBy } from '../../federation/failover/held.ts';
import { simulate, type FailoverRequest } from '../../federation/failover/plan.ts';
import { staleBy } from '../../federation/failover/plan-reader.ts';
import { clientsOf, orderOf, sharesOf } from '../../federation/failover/service-groups.ts';
import { holdsForItself, isExported } from '../../federation/policy/exported.ts';
import { usableGateways } from '../../federation/policy/gateways.ts';
import type { Now } from '../../federation/state/now.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

const clusters = ['a', 'b', 'c', 'd'];
const services = ['cart', 'pay'];
const keys = services.map((name) => inShop(name));

/** One thing that changes: what a cluster reports, or what an operator wants. Counts are all or nothing. */
const cluster = fc.constantFrom(...clusters);
const change = fc.oneof(
  fc.record({
    kind: fc.constant('report' as const),
    cluster,
    healthy: fc.record({ cart: fc.constantFrom(0, 2), pay: fc.constantFrom(0, 2) }, { requiredKeys: [] }),
    exported: fc.boolean(),
    region: fc.constantFrom('r1', 'r2'),
    hasGateway: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('drain' as const), cluster, percent: fc.constantFrom(0, 50, 100) }),
  fc.record({ kind: fc.constant('revoke' as const), cluster }),
  fc.record({
    kind: fc.constant('order' as const),
    service: fc.constantFrom(...services),
    isRegional: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('failover' as const), cluster, service: fc.constantFrom(...services) }),
  fc.constant({ kind: 'token' as const }),
);
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

async function apply(hub: Federation, one: Change): Promise<void> {
  switch (one.kind) {
    case 'report': {
      const over = { exportRequested: one.exported };
      hub.report(one.cluster, {
        services: one.healthy,
        over: { cart: over, pay: over },
        region: one.region,
        ...(!one.hasGateway && { record: { gateways: new Map() } }),
      });
      return;
    }
    case 'drain':
      return hub.put(aMember(one.cluster, { drainPercent: one.percent }));
    case 'revoke':
      return hub.put(aMember(one.cluster, { admission: 'REVOKED' }));
    case 'order':
      return hub.put({
        kind: 'trafficPolicy',
        namespace: 'shop',
        name: one.service,
        localityOrder: one.isRegional ? ['REGION'] : [],
        regionFailover: [],
      });
    case 'failover':
      return hub.put({
        kind: 'failover',
        id: `f-${one.cluster}`,
        from: { cluster: one.cluster },
        clusters: [one.cluster],
        services: [inShop(one.service)],
        percent: 100,
        scope: 'ALL',
        owner: 'test',
        reason: '',
        createdAt: 1,
        expiresAt: undefined,
        returning: undefined,
      });
    case 'token':
      return hub.put({
        kind: 'joinToken',
        id: 't',
        cluster: 'z',
        secretHash: '',
        createdAt: 1,
        expiresAt: 2,
        usedAt: undefined,
      } as never);
  }
}

async function hubAfter(changes: readonly Change[]): Promise<Federation> {
  const hub = await Federation.start(...clusters);
  for (const one of clusters) hub.report(one, { services: { cart: 2, pay: 2 } });
  for (const one of changes) await apply(hub, one);
  return hub;
}

/** Where each member's clients of a service go, found by a look at every member for every member. */
function sharesByMember(now: Now, service: ServiceKey, added: readonly Diverted[]) {
  const members = [...now.observed.values()].filter(
    (one) => now.intent.clusters.get(one.cluster)?.value.admission === 'ADMITTED',
  );
  const standing = trafficShiftsOf(now).filter(
    (one) => one.services.length === 0 || one.services.includes(service),
  );
  return new Map(
    members.map(({ cluster: client, nodes: [node] }) => {
      const alone = holdsForItself(now, client, service);
      const groups = members.flatMap((record) => {
        const found = record.services.get(service);
        const own = record.cluster === client;
        if (!found || (!own && (alone || !isExported(now, record.cluster, found)))) return [];
        const gateways = usableGateways(now, record);
        return (own ? found.groups : capped(found.groups, weightCap))
          .filter(({ transport }) => own || gatewaysFor(transport, gateways).length > 0)
          .map((group) => ({ ...group, cluster: record.cluster }));
      });
      const place = { cluster: client, region: node?.region ?? '', zone: node?.zone ?? '' };
      const trafficShifts = [...standing, ...added];
      return [client, shares({ client: place, groups, trafficShifts, ...orderOf(now, service) })];
    }),
  );
}

const rounded = (all: ReadonlyMap<string, ReturnType<typeof shares>>) =>
  [...all]
    .map(([client, { byGroup, noAlternative }]) => {
      const sums = new Map<string, number>();
      for (const [group, share] of byGroup) sums.set(group.cluster, (sums.get(group.cluster) ?? 0) + share);
      const gone = [...sums].filter(([, share]) => share > 1e-9);
      return [client, gone.map(([one, share]) => [one, share.toFixed(6)]).sort(), [...noAlternative].sort()];
    })
    .sort();

describe('shares by classes of clients', () => {
  it('are those that a look at every member for every member gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 8 }),
        fc.record({ cluster, percent: fc.constantFrom(30, 100), remoteOnly: fc.boolean() }),
        async (changes, added) => {
          const hub = await hubAfter(changes);
          for (const service of keys) {
            const trafficShifts = trafficShiftsOf(hub.now).filter(
              (one) => one.services.length === 0 || one.services.includes(service),
            );
            const input = {
              clients: clientsOf(hub.now),
              held: heldBy(hub.now, service),
              order: orderOf(hub.now, service),
              trafficShifts: [...trafficShifts, added],
            };
            assert.deepEqual(rounded(sharesOf(input)), rounded(sharesByMember(hub.now, service, [added])));
          }
          hub.end();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('look for a client that has the service to itself at its own endpoints alone', async () => {
    const hub = await hubAfter([]);
    hub.report('b', { services: { cart: 2 }, over: { cart: { exportRequested: false } } });
    const held = heldBy(hub.now, inShop('cart'));
    assert.deepEqual(
      groupsFor(held, 'b').map((one) => one.cluster),
      ['b'],
    );
    assert.deepEqual(new Set(groupsFor(held, 'x').map((one) => one.cluster)), new Set(['a', 'c', 'd']));
    hub.end();
  });
});

describe('the basis of a plan', () => {
  const request = (over: Partial<FailoverRequest>): FailoverRequest => ({
    from: { cluster: 'a' },
    services: [inShop('cart')],
    percent: 100,
    scope: 'ALL',
    expiresAt: undefined,
    ...over,
  });
  const requests = fc.constantFrom(
    request({}),
    request({ services: [] }),
    request({ from: { region: 'r1' }, services: [] }),
    request({ percent: 50, scope: 'REMOTE' }),
  );
  const moves = (now: Now, one: FailoverRequest) => {
    const made = simulate(now, one, 0);
    if (!made.ok) return { text: JSON.stringify(made.error), basis: undefined };
    const { clusters: from, services: moved } = made.value;
    const sorted = moved.map(({ service, moves: all, noAlternative }) => [
      service,
      noAlternative,
      all.map((move) => JSON.stringify(move)).sort(),
    ]);
    return { text: JSON.stringify([from, sorted]), basis: made.value.basis };
  };

  it('is another one after every change after which the plan would move other shares', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 5 }),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        requests,
        async (earlier, later, one) => {
          const hub = await hubAfter(earlier);
          const before = moves(hub.now, one);
          for (const next of later) await apply(hub, next);
          const after = moves(hub.now, one);
          hub.end();
          if (!before.basis || !after.basis || before.text === after.text) return;
          assert.notEqual(staleBy(before.basis, after.basis), undefined, `${before.text}\n${after.text}`);
        },
      ),
      { numRuns: 150 },
    );
  });

  const unread: Record<string, (hub: Federation) => void | Promise<unknown>> = {
    'a token': (hub) => apply(hub, { kind: 'token' }),
    'endpoints of another service': (hub) => hub.report('b', { services: { cart: 2, pay: 0 } }),
    'a policy of another service': (hub) => apply(hub, { kind: 'order', service: 'pay', isRegional: true }),
    'a failover of another service': (hub) => apply(hub, { kind: 'failover', cluster: 'b', service: 'pay' }),
    'another count of endpoints': (hub) => hub.report('b', { services: { cart: 1, pay: 2 } }),
    'an agent that is away': (hub) =>
      hub.report('b', { services: { cart: 2 }, record: { link: { kind: 'UNREACHABLE', since: 1 } } }),
  };
  for (const [what, run] of Object.entries(unread))
    it(`is the same after ${what}`, async () => {
      const hub = await hubAfter([]);
      const before = moves(hub.now, request({}));
      await run(hub);
      assert.equal(staleBy(before.basis!, moves(hub.now, request({})).basis!), undefined);
      hub.end();
    });

  const read: Record<string, readonly [string, Change]> = {
    'endpoints of shop/cart': [
      'a gateway that is gone',
      { kind: 'report', cluster: 'b', healthy: { cart: 2 }, exported: true, region: 'r1', hasGateway: false },
    ],
    'traffic policy of shop/cart': ['its policy', { kind: 'order', service: 'cart', isRegional: true }],
    'drains and failovers of shop/cart': ['a drain', { kind: 'drain', cluster: 'c', percent: 50 }],
    'members and where they are': ['a member that is revoked', { kind: 'revoke', cluster: 'd' }],
  };
  for (const [reading, [what, one]] of Object.entries(read))
    it(`names "${reading}" after ${what}`, async () => {
      const hub = await hubAfter([]);
      const before = moves(hub.now, request({}));
      await apply(hub, one);
      const stale = staleBy(before.basis!, moves(hub.now, request({})).basis!);
      assert.ok(stale === reading || (one.kind === 'revoke' && stale === 'endpoints of shop/cart'), stale);
      hub.end();
    });
});
