import assert from 'node:assert/strict';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { Publisher } from '@isthmus/cluster-agent/publish/publisher.ts';
import { emptySnapshot } from '../../fakes/xds-world.ts';

const port = (number: number): Touched => ({ kind: 'port', port: number });

/** A publisher whose turns of the event loop a test runs, and what it published. */
class Published {
  readonly turns: (() => void)[] = [];
  readonly deltas: { readonly keys: readonly Touched[]; readonly revision: bigint; readonly by: string }[] =
    [];
  translations = 0;
  readonly publisher = new Publisher(
    {
      update: () => {
        this.translations++;
        return { snapshot: emptySnapshot, changed: new Map(), bulk: new Set() };
      },
    },
    ['first', 'second'].map((by) => ({
      published: ({ keys }, _snapshot, { revision }) => this.deltas.push({ keys: [...keys], revision, by }),
    })),
    { epoch: 7n, turn: (run) => this.turns.push(run) },
  );

  runTurns(): void {
    for (const run of this.turns.splice(0)) run();
  }
}

describe('the publisher', () => {
  it('derives nothing before it is open, and everything then', () => {
    const world = new Published();
    world.publisher.touchKey(port(80));
    assert.equal(world.turns.length, 0);
    world.publisher.open();
    world.publisher.open();
    world.runTurns();
    assert.equal(world.translations, 1);
    assert.deepEqual(world.deltas[0]?.keys, [{ kind: 'synced' }]);
  });

  it('publishes what is touched within one turn as one delta, to each subscriber in order', () => {
    const world = new Published();
    world.publisher.open();
    world.runTurns();
    world.deltas.length = 0;
    for (const number of [80, 443, 80]) world.publisher.touchKey(port(number));
    assert.equal(world.turns.length, 1);
    world.runTurns();
    assert.deepEqual(
      world.deltas.map(({ by, revision }) => [by, revision]),
      [
        ['first', 2n],
        ['second', 2n],
      ],
    );
    assert.deepEqual(world.deltas[0]?.keys, [port(80), port(443)]);
  });

  it('runs nothing when nothing is touched', () => {
    const world = new Published();
    world.publisher.open();
    world.runTurns();
    assert.equal(world.turns.length, 0);
    assert.equal(world.translations, 1);
  });
});
