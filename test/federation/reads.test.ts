import assert from 'node:assert/strict';
import { isHeld } from '../../federation/link/hold.ts';
import { exportService, unexportService } from '../../federation/policy/service-export.ts';
import { removeCluster, revokeCluster } from '../../federation/registry/membership.ts';
import { Reads } from '../../federation/state/reads.ts';
import { Federation, frozen } from '../fakes/federation.ts';

const names: readonly (readonly [type: string, name: string])[] = [
  ['remote', 'east/shop/cart'],
  ['remote', 'east/shop/unknown'],
  ['remote', 'south/shop/cart'],
  ['remote', 'nobody/shop/cart'],
  ['grant', 'shop/cart'],
  ['grant', 'shop/unknown'],
  ['policy', 'p'],
];

describe('federation: what is held back, and what must have it decided again', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    for (const name of ['east', 'west', 'south'])
      hub.report(name, { services: { cart: 2 }, record: { synced: false } });
  });
  afterEach(() => hub.end());

  const service = { namespace: 'shop', name: 'cart' };
  const changes: Record<string, () => Promise<unknown> | void> = {
    'a cluster is revoked': () => hub.run(revokeCluster, { cluster: 'east' }),
    'a cluster is removed': async () => {
      await hub.run(revokeCluster, { cluster: 'east' });
      await hub.run(removeCluster, { cluster: 'east' });
    },
    'a cluster has said everything': () => hub.report('east', { services: { cart: 2 } }),
    'the receiver has said everything': () => hub.report('west', { services: { cart: 2 } }),
    'what a cluster had reported is forgotten': () => hub.observations.forget('east'),
    'a service is reported that asks for no export': () =>
      hub.report('east', {
        services: { cart: 2 },
        over: { cart: { exportRequested: false } },
        record: { synced: false },
      }),
    'a service is exported and no longer': async () => {
      await hub.run(exportService, { ...service, clusters: [] });
      await hub.run(unexportService, service);
    },
  };

  for (const [what, change] of Object.entries(changes))
    it(`no answer is another one after ${what} without its inputs having changed`, async () => {
      for (const [type, name] of names) {
        const reads = new Reads();
        const before = frozen(hub.now);
        const held = isHeld(reads.through(before), 'west', type, name);
        assert.equal(held, isHeld(before, 'west', type, name), 'reading through changes no answer');
        assert.equal(reads.changedIn(before), false);
        await change();
        if (isHeld(hub.now, 'west', type, name) !== held) assert.equal(reads.changedIn(hub.now), true, name);
      }
    });

  it('a change of an input that was not read causes no recomputation', async () => {
    const reads = new Reads();
    isHeld(reads.through(hub.now), 'west', 'remote', 'east/shop/cart');
    hub.report('south', { services: { cart: 0 }, record: { synced: false } });
    assert.equal(reads.changedIn(hub.now), false);
    await hub.run(revokeCluster, { cluster: 'east' });
    assert.equal(reads.changedIn(hub.now), true);
  });

  it('notes what is spread', () => {
    const spread = new Reads();
    assert.equal(Object.keys({ ...spread.through(hub.now).intent }).includes('clusters'), true);
    hub.report('south', {});
    assert.equal(spread.changedIn(hub.now), false);
  });
});
