import assert from 'node:assert/strict';
import fc from 'fast-check';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { downTypes } from '@isthmus/api/wire/link.ts';
import { digestsOfProduced } from '@isthmus/mesh/delta/digest.ts';
import { Catalog } from '../../../federation/compile/catalog.ts';
import type { CatalogUpdate } from '../../../federation/compile/compiled.ts';
import { differences, withFlips } from '../../../federation/compile/differences.ts';
import type { Receiver } from '../../../federation/compile/audience.ts';
import { federationChange, someClusters } from '../../fakes/federation-changes.ts';
import { aMember, Federation } from '../../fakes/federation.ts';

/** All names that a receiver gets, with their versions. */
const versions = (catalog: Catalog, receiver: Receiver): ReadonlyMap<string, string> =>
  new Map(
    downTypes.flatMap((type) => {
      const view = catalog.view(type, () => receiver);
      return [...view.keys()].map((name) => [`${type} ${name}`, view.get(name)!.version] as const);
    }),
  );

const turns = fc.array(fc.array(federationChange, { minLength: 1, maxLength: 4 }), { maxLength: 8 });

describe('federation/compile: the catalog', () => {
  let hub: Federation;
  let updates: CatalogUpdate[];
  beforeEach(() => start());
  afterEach(() => hub.end());

  async function start(): Promise<void> {
    hub = await Federation.start(...someClusters);
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
      for (const type of downTypes) {
        assert.deepEqual(new Set(hub.catalog.names(type)), new Set(whole.names(type)));
        for (const name of whole.names(type))
          assert.deepEqual(hub.catalog.get(type, name), whole.get(type, name));
      }
      for (const cluster of someClusters)
        assert.deepEqual(hub.catalog.receiver(cluster), whole.receiver(cluster));
      assert.equal(hub.catalog.moment.revision, BigInt(hub.now.intent.revision));
    }));

  it('has after any change the digests of what each receiver should hold', () =>
    property(() => {
      for (const cluster of someClusters)
        for (const type of downTypes) {
          const receiver = hub.catalog.receiver(cluster);
          const exporters = (service: string) => hub.now.index.exports.exporters(service);
          const view = hub.catalog.view(type, () => receiver);
          assert.deepEqual(
            hub.catalog.digests(type, receiver, exporters),
            digestsOfProduced(view, (name) => digestGroup(type, name)),
          );
        }
    }));

  it('names for each receiver what it gets otherwise than before, with what it got, and nothing else', async () => {
    let receivers: Receiver[] = [];
    let before: ReadonlyMap<string, string>[] = [];
    const look = () => {
      receivers = someClusters.map((cluster) => hub.catalog.receiver(cluster));
      before = receivers.map((receiver) => versions(hub.catalog, receiver));
    };
    await property(() => {
      const [update = { compiled: [], flips: [] }, ...more] = updates;
      assert.equal(more.length, 0);
      receivers.forEach((old, i) => {
        const receiver = withFlips(old, update.flips);
        assert.deepEqual(receiver, hub.catalog.receiver(receiver.cluster));
        const now = versions(hub.catalog, receiver);
        const got = before[i]!;
        const names = new Set([...now.keys(), ...got.keys()]);
        const found = [...differences(update, old, receiver)];
        assert.deepEqual(
          found.map(({ type, name }) => `${type} ${name}`).sort(),
          [...names].filter((name) => now.get(name) !== got.get(name)).sort(),
        );
        for (const one of found) assert.equal(one.before, got.get(`${one.type} ${one.name}`));
      });
      look();
    }, look);
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
