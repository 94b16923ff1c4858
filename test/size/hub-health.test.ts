import assert from 'node:assert/strict';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import { TakenHealth } from '../../federation/link/taken-health.ts';
import { differingLeaves } from '../../federation/observation/persistent-map.ts';
import { withServices } from '../../federation/observation/record-steps.ts';
import { aHealth, aService } from '../fakes/agent.ts';
import { Federation } from '../fakes/federation.ts';
import { assertScales, type Work } from './doubled.ts';

/** How many counts of services the hub reads and copies to follow one of so many that changes, and all of them at first. */
async function work(size: number): Promise<Work> {
  const hub = await Federation.start('east');
  const names = Array.from({ length: size }, (_, i) => `s${i}`);
  hub.observations.update('east', (record) =>
    withServices(
      record,
      names.map((name) => [`shop/${name}`, aService(name)] as const),
      1,
    ),
  );
  let reads = 0;
  const counted = (name: string, healthy: number): ServiceHealth => {
    const health = aHealth(name, healthy);
    return {
      ...health,
      groups: health.groups.map((group) => ({
        ...group,
        get total() {
          reads++;
          return group.total;
        },
      })),
    };
  };
  let rows = 0;
  const taken = new TakenHealth(
    {
      clock: hub.clock,
      limits: defaultLimits,
      snapshot: () => hub.now,
      observe: (cluster, step) => hub.observations.update(cluster, step),
      saveReports: (_cluster, saved) => void (rows += saved.length),
    },
    'east',
  );
  const published: number[] = [];
  const after = async (report: Pick<HealthReport, 'services' | 'changes'>, sequence: number) => {
    reads = rows = 0;
    published.length = 0;
    const before = hub.now.observed.get('east');
    const answer = taken.take({
      sequence,
      sentAt: 0,
      proxiesConnected: 1,
      workloads: 1,
      unreadable: [],
      ...report,
    });
    const record = hub.now.observed.get('east');
    assert.equal(answer?.isRefused, false);
    const copied = (['services', 'health'] as const).flatMap((part) =>
      differingLeaves<string, unknown>(before?.[part], record?.[part]).map(
        ([old, next]) => old.size + next.size,
      ),
    );
    await hub.turn();
    return reads + rows + copied.reduce((sum, one) => sum + one, 0);
  };
  hub.live.onChange(({ services }) => published.push(services.get('east')?.size ?? 0));
  await hub.turn();
  const firstSync = await after({ services: names.map((name) => counted(name, 2)) }, 1);
  const changes = { base: 1, removed: [] };
  const change = await after({ services: [counted('s7', 1)], changes }, 2);
  assert.deepEqual(published, [1]);
  assert.equal(rows, 1);
  hub.end();
  return { firstSync, change };
}

describe('the size of a health report at the hub', () => {
  it('of one service that changes among 1,000 and among 2,000: as many services are read, copied and compared', async () => {
    const [once, twice] = [await work(1000), await work(2000)];
    assertScales((size) => (size === 1000 ? once : twice), 1000);
    assert.ok(once.change <= 100 && twice.change <= 100, `${once.change}, ${twice.change}`);
  });
});
