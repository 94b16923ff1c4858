import { World } from './derived-world.ts';
import { assertScales, type Work } from './doubled.ts';
import { assertHeapScales } from './heap.ts';

const changes = {
  'one pod changes': 'podChanges',
  'one service changes': 'serviceChanges',
  'one workload outside of pods changes': 'workloadEntryChanges',
  'one ServiceEntry changes': 'serviceEntryChanges',
  'one service elsewhere changes': 'remoteChanges',
  'a policy of the hub comes to select other pods': 'policyChanges',
} as const;

describe('the size of what is derived', () => {
  for (const [name, change] of Object.entries(changes))
    for (const count of ['evaluations', 'visits'] as const)
      it(`${name}: as many ${count} in a cluster of twice the size, and twice as many for a first sync`, () =>
        assertScales((pods): Work => {
          const world = new World(pods);
          const start = world[count]();
          world.all();
          const synced = world[count]();
          world[change]();
          return { firstSync: synced - start, change: world[count]() - synced };
        }, 1000));

  it('takes twice as much memory for a cluster of twice the size', () =>
    assertHeapScales('derived-world.ts', 2000)).timeout(180_000);
});
