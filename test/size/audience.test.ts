import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { aWorkload } from '../fakes/records.ts';
import { emptySnapshot } from '../fakes/xds-world.ts';
import { assertScales, type Work } from './doubled.ts';

/** A map that counts how often one of its entries is looked at. */
class CountedMap<V> extends Map<string, V> {
  visits = 0;

  override get(name: string): V | undefined {
    this.visits++;
    return super.get(name);
  }

  override *keys(): MapIterator<string> {
    for (const key of super.keys()) {
      this.visits++;
      yield key;
    }
  }

  override *values(): MapIterator<V> {
    for (const value of super.values()) {
      this.visits++;
      yield value;
    }
  }
}

const workloads = (size: number) => {
  const all = new CountedMap<Workload>();
  for (let i = 0; i < size; i++) all.set(`w-${i}`, aWorkload({ uid: `w-${i}` }));
  return all;
};

describe('the size of a projection', () => {
  for (const audience of ['mesh', 'gateway', 'upstream'] as const)
    it(`for ${audience}: visits twice as many workloads at first when they are doubled, and as many for a change`, () =>
      assertScales((size): Work => {
        const snapshot = { ...emptySnapshot, workloads: workloads(size) };
        const records = new AudienceRecords(audience, snapshot);
        const firstSync = snapshot.workloads.visits;
        snapshot.workloads.set('w-7', aWorkload({ uid: 'w-7', node: 'other' }));
        records.take({ changed: new Map([[typeUrls.address, new Set(['w-7'])]]), bulk: new Set() }, snapshot);
        return { firstSync, change: snapshot.workloads.visits - firstSync };
      }, 1_000));
});
