import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isExported } from '../../federation/policy/exported.ts';
import { inOwnNetwork, joinedBefore } from '../../federation/policy/gateways.ts';
import type { Now } from '../../federation/state/now.ts';
import {
  aToken,
  federationChange,
  someClusters,
  startSome,
  trustDomainAt,
} from '../fakes/federation-changes.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { inShop } from '../fakes/services.ts';

const memberOf = ({ intent }: Now, name: string) => {
  const cluster = intent.clusters.get(name)?.value;
  return cluster?.admission === 'ADMITTED' ? cluster : undefined;
};

/** Found by visiting all clusters: [service, its holders, its exporters]. */
function found(now: Now) {
  const members = [...now.observed.values()].filter(({ cluster }) => memberOf(now, cluster));
  const keys = [...new Set(members.flatMap(({ services }) => [...services.keys()]))].sort();
  const names = (
    holding: (service: NonNullable<ReturnType<typeof serviceOf>>, cluster: string) => boolean,
    key: ServiceKey,
  ) =>
    members
      .flatMap(({ cluster }) => {
        const service = serviceOf(now, cluster, key);
        return service && holding(service, cluster) ? [cluster] : [];
      })
      .sort();
  return {
    services: keys.map((key) => [
      key,
      names(() => true, key),
      names((service, cluster) => isExported(now, cluster, service), key),
    ]),
    owners: addresses(now).map((address) => [address, ownerOf(now, address)]),
    tokens: [...now.intent.joinTokens.values()].map(({ id, value }) => [value.secretHash, id]).sort(),
    tokensOf: someClusters.map((cluster) => [
      cluster,
      [...now.intent.joinTokens.values()]
        .filter(({ value }) => value.cluster === cluster)
        .map(({ id }) => id)
        .sort(),
    ]),
    trustDomains: new Set([...now.intent.clusters.values()].map(({ value }) => value.trustDomain)),
  };
}

const serviceOf = (now: Now, cluster: string, key: ServiceKey) =>
  now.observed.get(cluster)?.services.get(key);

const addresses = (now: Now): readonly string[] =>
  [
    ...new Set(
      [...now.observed.values()].flatMap(({ gateways }) =>
        [...gateways.values()].map(({ address }) => address),
      ),
    ),
  ].sort();

function ownerOf(now: Now, address: string): string | undefined {
  const claimants = [...now.observed.values()].flatMap((record) => {
    const member = memberOf(now, record.cluster);
    return member && inOwnNetwork(now, record).some((one) => one.address === address) ? [member] : [];
  });
  return claimants.sort((a, b) => (joinedBefore(a, b) ? -1 : 1))[0]?.name;
}

function indexed(now: Now) {
  const { exports, gatewayOwners, trustDomains, joinTokens } = now.index;
  return {
    services: [...exports.keys]
      .sort()
      .map((key) => [key, [...exports.holders(key).keys()].sort(), [...exports.exporters(key)].sort()]),
    owners: addresses(now).map((address) => [address, gatewayOwners.owner(address)]),
    tokens: ['t1', 't2', 't3'].flatMap((id) => {
      const hash = `hash-${id}`;
      const found = joinTokens.withHash(hash);
      return found === undefined ? [] : [[hash, found]];
    }),
    tokensOf: someClusters.map((cluster) => [cluster, [...joinTokens.of(cluster)].sort()]),
    trustDomains: new Set(trustDomains),
  };
}

describe('federation/index', () => {
  let hub: Federation;
  afterEach(() => hub.end());

  it('has after each change, in the same turn, what a visit of all clusters finds', () =>
    fc.assert(
      fc.asyncProperty(fc.array(federationChange, { maxLength: 12 }), async (changes) => {
        hub = await startSome();
        for (const { make } of changes) {
          await make(hub);
          assert.deepEqual(indexed(hub.now), found(hub.now));
        }
        hub.end();
      }),
      { numRuns: 100 },
    ));

  it('holds the services as they are reported now', async () => {
    hub = await Federation.start('east', 'west');
    for (const healthy of [1, 2]) {
      hub.report('east', { services: { cart: healthy } });
      assert.equal(
        hub.now.index.exports.holders(inShop('cart')).get('east'),
        hub.now.observed.get('east')?.services.get(inShop('cart')),
      );
    }
  });

  it('names another set of exporters when it changes, and the same one otherwise', async () => {
    hub = await Federation.start('east', 'west');
    hub.report('east', { services: { cart: 1 } });
    const first = hub.now.index.exports.exporters(inShop('cart'));
    hub.report('east', { services: { cart: 2 } });
    assert.equal(hub.now.index.exports.exporters(inShop('cart')), first);
    hub.report('west', { services: { cart: 2 } });
    assert.deepEqual([...first], ['east']);
    assert.deepEqual([...hub.now.index.exports.exporters(inShop('cart'))], ['east', 'west']);
  });

  it('names a trust domain as long as a known cluster is of it', async () => {
    hub = await Federation.start('east', 'west');
    const { trustDomains } = hub.now.index;
    await hub.put(aMember('north', { trustDomain: trustDomainAt('north') }));
    assert.deepEqual([...trustDomains], ['cluster.local', 'corp.example']);
    await hub.remove('cluster', 'north');
    await hub.remove('cluster', 'west');
    assert.deepEqual([...trustDomains], ['cluster.local']);
  });

  it('keeps nothing of clusters that are gone', async () => {
    hub = await Federation.start();
    const sizes = () => {
      const { exports, gatewayOwners, trustDomains, joinTokens } = hub.now.index;
      return [exports.size, gatewayOwners.size, trustDomains.size, joinTokens.size];
    };
    const before = sizes();
    await hub.put(...['east', 'west'].map((name) => aMember(name)));
    for (const name of ['east', 'west']) hub.report(name, { services: { cart: 2 } });
    await hub.put(aToken('t1'), aToken('t2', { cluster: 'west' }), aToken('t3'));
    for (const id of ['t1', 't2', 't3']) await hub.remove('joinToken', id);
    for (const name of ['east', 'west']) {
      await hub.remove('cluster', name);
      hub.observations.forget(name);
    }
    assert.deepEqual(sizes(), before);
  });
});
