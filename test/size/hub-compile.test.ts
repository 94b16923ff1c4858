import assert from 'node:assert/strict';
import type { CatalogUpdate } from '../../federation/compile/compiled.ts';
import { allNames, reached, touchedServices } from '../../federation/compile/reach.ts';
import { anIntermediate } from '../fakes/federation-changes.ts';
import { aMember, Federation } from '../fakes/federation.ts';
import { assertScales } from './doubled.ts';

const services = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`s${i}`, 2]));

const count = (names: ReturnType<typeof allNames>): number =>
  [...names.values()].reduce((sum, { size }) => sum + size, 0);

/** How many resources are compiled at first and after one change, and what the change is for agents. */
async function workOf(clusters: number, change: (hub: Federation) => Promise<void> | void) {
  const names = Array.from({ length: clusters }, (_, i) => `c${i}`);
  const hub = await Federation.start(...names);
  for (const name of names) hub.report(name, { services });
  await hub.put(anIntermediate('k0', { cluster: 'east', revoked: false, activated: true }));
  await hub.turn();
  hub.catalog.start(hub.now);
  let compiled = 0;
  let update: CatalogUpdate = { compiled: [] };
  hub.live.onChange((changes, now) => {
    compiled += count(reached(changes, now, touchedServices(changes, now)));
    update = hub.catalog.apply(changes, now);
  });
  await change(hub);
  await hub.turn();
  const firstSync = count(allNames(hub.now));
  hub.end();
  return { firstSync, change: compiled, changed: update.compiled.map(({ type, name }) => `${type} ${name}`) };
}

const fewer = { ...services, s3: 1 };

describe('the size of compiling for a federation', () => {
  const changes: Readonly<
    Record<string, [change: (hub: Federation) => Promise<void> | void, changed: string[]]>
  > = {
    'one service has fewer healthy endpoints': [
      (hub) => hub.report('c7', { services: fewer }),
      ['remote c7/shop/s3'],
    ],
    'a new intermediate': [
      (hub) => hub.put(anIntermediate('k1', { cluster: 'east', revoked: false, activated: false })),
      ['intermediate k1'],
    ],
    'a cluster joins': [(hub) => hub.put(aMember('new')), ['member new']],
    'a cluster is drained': [(hub) => hub.put(aMember('c7', { drainPercent: 50 })), ['diversion drain:c7']],
  };

  for (const [what, [change, changed]] of Object.entries(changes))
    it(`${what}: as many resources are compiled among 20 clusters as among 40`, async () => {
      const [once, twice] = [await workOf(20, change), await workOf(40, change)];
      assertScales((size) => (size === 20 ? once : twice), 20);
      assert.deepEqual([once.changed, twice.changed], [changed, changed]);
    });

  it('an acknowledgement compiles nothing', async () => {
    const applied = { subject: 'policy/p', version: '1', state: 'APPLIED', message: '', proxies: 1 } as const;
    const work = await workOf(20, (hub) => hub.acknowledge('c7', applied));
    assert.equal(work.change, 0);
  });
});
