import assert from 'node:assert/strict';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { ClusterReports } from '@isthmus/cluster-agent/publish/cluster-reports.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { setOf } from './publisher-world.ts';

/** When reports on the cluster are made. */
class World {
  readonly clock = new FakeClock();
  readonly made: number[] = [];
  holds = Infinity;
  readonly reports = new ClusterReports({
    make: () => {
      this.made.push(this.clock.monotonic());
      return this.holds;
    },
    clock: this.clock,
  });

  touch(...keys: readonly Touched[]): void {
    const delta = { keys: setOf(...keys), changed: new Map(), bulk: new Set<string>() };
    this.reports.published(delta);
  }
}

const node: Touched = { kind: 'node', node: 'n1' };

describe('the report on the cluster', () => {
  it('is made at once when something that it rests on was touched', () => {
    const world = new World();
    world.touch(node);
    assert.deepEqual(world.made, [0]);
  });

  it('is not made when something else was touched', async () => {
    const world = new World();
    world.touch({ kind: 'port', port: 80 }, { kind: 'podCount' });
    await world.clock.advance(10_000);
    assert.deepEqual(world.made, []);
  });

  it('is made once a second while that goes on, with what came last', async () => {
    const world = new World();
    for (let i = 0; i < 250; i++) {
      world.touch(node);
      await world.clock.advance(10);
    }
    await world.clock.advance(5000);
    assert.deepEqual(world.made, [0, 1000, 2000, 3000]);
  });

  for (const [after, at] of [
    [999, 1000],
    [1000, 1000],
    [1001, 1001],
  ] as const)
    it(`that was touched again after ${after} ms is made at ${at} ms`, async () => {
      const world = new World();
      world.touch(node);
      await world.clock.advance(after);
      world.touch(node);
      await world.clock.advance(10);
      assert.deepEqual(world.made, [0, at]);
    });

  it('is made again when it no longer holds, and costs nothing before that', async () => {
    const world = new World();
    world.holds = 5000;
    world.touch(node);
    world.holds = Infinity;
    assert.equal(world.clock.pending, 1);
    await world.clock.advance(60_000);
    assert.deepEqual(world.made, [0, 5000]);
    assert.equal(world.clock.pending, 0);
  });
});
