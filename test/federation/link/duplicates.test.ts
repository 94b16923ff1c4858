import assert from 'node:assert/strict';
import { maxReplicas } from '../../../federation/link/agent-links.ts';
import { Duplicates, takeoverMillis, toleratedTakeovers } from '../../../federation/link/duplicates.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('replicas that two agents claim to be', () => {
  const world = () => {
    const clock = new FakeClock();
    const shown: string[] = [];
    const duplicates = new Duplicates(clock, (cluster, replicas) =>
      shown.push(`${cluster} ${replicas.join(',')}`),
    );
    const replaced = (replica: string, times: number, cluster = 'east') => {
      for (let i = 0; i < times; i++) duplicates.replaced(cluster, replica);
    };
    return { clock, shown, replaced };
  };

  it('are those whose link is replaced more often than an agent that restarts replaces its own', () => {
    const { shown, replaced } = world();
    replaced('main', toleratedTakeovers);
    replaced('main', toleratedTakeovers, 'west');
    assert.deepEqual(shown, []);
    replaced('main', 5);
    assert.deepEqual(shown, ['east main']);
  });

  it('are forgotten one by one, a minute after the last time', async () => {
    const { clock, shown, replaced } = world();
    replaced('b', toleratedTakeovers + 1);
    await clock.advance(1000);
    replaced('a', toleratedTakeovers + 1);
    await clock.advance(takeoverMillis);
    assert.deepEqual(shown, ['east b', 'east a,b', 'east a', 'east ']);
    replaced('a', toleratedTakeovers);
    await clock.advance(takeoverMillis);
    replaced('a', toleratedTakeovers);
    assert.equal(shown.length, 4);
  });

  for (const count of [maxReplicas - 1, maxReplicas, maxReplicas + 1])
    it(`are remembered of ${count} names: ${Math.min(count, maxReplicas)} of them`, () => {
      const { shown, replaced } = world();
      for (let i = 0; i < count; i++) replaced(`r${i}`, toleratedTakeovers + 1);
      assert.equal(shown.at(-1)?.split(',').length, Math.min(count, maxReplicas));
    });
});
