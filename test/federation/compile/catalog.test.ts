import assert from 'node:assert/strict';
import fc from 'fast-check';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { compiledPolicy, downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import { digestsOfProduced } from '@isthmus/mesh/delta/digest.ts';
import { Catalog } from '../../../federation/compile/catalog.ts';
import type { CatalogUpdate } from '../../../federation/compile/compiled.ts';
import { differences } from '../../../federation/compile/differences.ts';
import type { Receiver } from '../../../federation/compile/audience.ts';
import { federationChange, someClusters, startSome, trustDomainAt } from '../../fakes/federation-changes.ts';
import { aMember, type Federation } from '../../fakes/federation.ts';

/** What a receiver gets of a type, by name. */
const compiled = (catalog: Catalog, type: DownType, receiver: Receiver): ReadonlyMap<string, unknown> => {
  const view = catalog.view(type, receiver);
  return new Map([...view.keys()].map((name) => [name, view.get(name)]));
};

/** All names that a receiver gets, with their versions. */
const versions = (catalog: Catalog, receiver: Receiver): ReadonlyMap<string, string> =>
  new Map(
    downTypes.flatMap((type) => {
      const view = catalog.view(type, receiver);
      return [...view.keys()].map((name) => [`${type} ${name}`, view.get(name)!.version] as const);
    }),
  );

const receiverAt = (cluster: string): Receiver => ({ cluster, trustDomain: trustDomainAt(cluster) });

const turns = fc.array(fc.array(federationChange, { minLength: 1, maxLength: 4 }), { maxLength: 8 });

describe('federation/compile: the catalog', () => {
  let hub: Federation;
  let updates: CatalogUpdate[];
  beforeEach(() => start());
  afterEach(() => hub.end());

  async function start(): Promise<void> {
    hub = await startSome();
    await hub.turn();
    hub.catalog.start(hub.now);
    updates = [];
    hub.live.onChange((changes, now) => updates.push(hub.catalog.apply(changes, now)));
  }

  /** Calls `check` after each turn of changes, and `begin` before the first. */
  const property = (check: () => void, begin: () => void = () => undefined) =>
    fc.assert(
      fc.asyncProperty(turns, async (all) => {
        hub.end();
        await start();
        begin();
        for (const turn of all) {
          for (const { make } of turn) await make(hub);
          await hub.turn();
          check();
          updates = [];
        }
      }),
      { numRuns: 150 },
    );

  it('has after any change what compiling every name gives', () =>
    property(() => {
      const whole = new Catalog();
      whole.start(hub.now);
      for (const cluster of someClusters) {
        const receiver = receiverAt(cluster);
        for (const type of downTypes)
          assert.deepEqual(compiled(hub.catalog, type, receiver), compiled(whole, type, receiver));
      }
      assert.equal(hub.catalog.size, whole.size);
      assert.equal(hub.catalog.systemVersion.revision, BigInt(hub.now.intent.revision));
    }));

  it('has after any change the digests of what each receiver should hold', () =>
    property(() => {
      for (const cluster of someClusters)
        for (const type of downTypes) {
          const receiver = receiverAt(cluster);
          const view = hub.catalog.view(type, receiver);
          assert.deepEqual(
            hub.catalog.digests(type, receiver),
            digestsOfProduced(view, (name) => digestGroup(type, name)),
          );
        }
    }));

  it('names for each receiver what it gets otherwise than before, with what it got, and nothing else', async () => {
    const receivers = someClusters.map(receiverAt);
    let before: ReadonlyMap<string, string>[] = [];
    const look = () => {
      before = receivers.map((receiver) => versions(hub.catalog, receiver));
    };
    await property(() => {
      const [update = { compiled: [] }, ...more] = updates;
      assert.equal(more.length, 0);
      receivers.forEach((receiver, i) => {
        const now = versions(hub.catalog, receiver);
        const got = before[i]!;
        const names = new Set([...now.keys(), ...got.keys()]);
        const found = [...differences(update, receiver)];
        assert.deepEqual(
          found.map(({ type, name }) => `${type} ${name}`).sort(),
          [...names].filter((name) => now.get(name) !== got.get(name)).sort(),
        );
        for (const one of found) assert.equal(one.before, got.get(`${one.type} ${one.name}`));
      });
      look();
    }, look);
  });

  describe('of a policy that names a namespace', () => {
    const policy = (...clusters: readonly string[]) => ({
      kind: 'accessPolicy' as const,
      name: 'p1',
      effect: 'ALLOW' as const,
      target: { clusters, namespace: 'shop', labels: {} },
      rules: [{ principals: [], namespaces: ['web'], ports: [] }],
    });
    const received = (cluster: string) => hub.catalog.view('policy', receiverAt(cluster)).get('p1');
    /** Whom it names in the form that a cluster gets. */
    const namedAt = (cluster: string) => {
      const decoded = compiledPolicy.decode(received(cluster)?.body ?? new Uint8Array());
      assert.ok(decoded.ok);
      return decoded.value.authorization.rules.flatMap((rule) =>
        rule.flatMap((clause) =>
          clause.flatMap(({ principals }) => principals.map((one) => ('value' in one ? one.value : ''))),
        ),
      );
    };

    it('has the form for the trust domain of each receiver, one for all clusters of a trust domain', async () => {
      await hub.put(policy());
      await hub.turn();
      assert.deepEqual(namedAt('east'), ['cluster.local/ns/web/']);
      assert.deepEqual(namedAt('north'), ['corp.example/ns/web/']);
      assert.equal(received('west'), received('east'));
      assert.deepEqual(
        updates.flatMap(({ compiled: changes }) =>
          changes.filter(({ type }) => type === 'policy').map(({ trustDomain }) => trustDomain),
        ),
        ['cluster.local', 'corp.example'],
      );
    });

    it('is for the clusters that it names, whatever their trust domain', async () => {
      await hub.put(policy('west', 'north'));
      await hub.turn();
      assert.deepEqual(
        someClusters.filter((cluster) => received(cluster) !== undefined),
        ['west', 'north'],
      );
      assert.deepEqual(namedAt('north'), ['corp.example/ns/web/']);
    });

    it('has a form for a trust domain as long as a cluster is of it', async () => {
      await hub.put(policy());
      await hub.turn();
      const before = hub.catalog.size;
      await hub.remove('cluster', 'north');
      await hub.turn();
      assert.equal(received('north'), undefined);
      await hub.put(aMember('north', { trustDomain: trustDomainAt('north') }));
      await hub.turn();
      assert.deepEqual(namedAt('north'), ['corp.example/ns/web/']);
      assert.equal(hub.catalog.size, before);
    });
  });

  it('keeps the object of before where nothing differs', async () => {
    hub.report('east', { services: { cart: 2 } });
    await hub.turn();
    const before = hub.catalog.get('remote', 'east/shop/cart');
    hub.report('east', { services: { cart: 2 } });
    await hub.turn();
    assert.equal(hub.catalog.get('remote', 'east/shop/cart'), before);
    hub.report('east', { services: { cart: 1 } });
    await hub.turn();
    assert.notEqual(hub.catalog.get('remote', 'east/shop/cart'), before);
  });

  it('keeps nothing of clusters that are gone', async () => {
    const before = hub.catalog.size;
    for (const { name } of Array.from({ length: 20 }, (_, i) => ({ name: `c${i}` }))) {
      await hub.put(aMember(name));
      hub.report(name, {
        services: { cart: 2, [`of-${name}`]: 1 },
        over: { cart: { exportRequested: false } },
      });
      await hub.turn();
      await hub.remove('cluster', name);
      await hub.turn();
    }
    assert.equal(hub.catalog.size, before);
  });
});
