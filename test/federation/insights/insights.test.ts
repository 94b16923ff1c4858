import assert from 'node:assert/strict';
import fc from 'fast-check';
import { orderOf } from '../../../federation/insights/finding.ts';
import { findings } from '../../../federation/insights/findings.ts';
import { Insights } from '../../../federation/insights/insights.ts';
import { createJoinToken } from '../../../federation/registry/join-tokens.ts';
import { federationChange, someClusters } from '../../fakes/federation-changes.ts';
import { Federation } from '../../fakes/federation.ts';
import { inShop } from '../../fakes/services.ts';

const turns = fc.array(fc.array(federationChange, { minLength: 1, maxLength: 3 }), { maxLength: 8 });

const whole = (hub: Federation) => findings(hub.now, hub.clock.now()).map(orderOf).sort();
const kept = (insights: Insights) => insights.current([]).map(({ order }) => order);

describe('federation/insights: findings in parts', () => {
  it('equal, after any changes, those that are made from scratch', async () => {
    await fc.assert(
      fc.asyncProperty(
        turns,
        fc.array(fc.constantFrom(0, 1000, 61_000), { minLength: 8, maxLength: 8 }),
        async (all, waits) => {
          const hub = await Federation.start(...someClusters);
          await hub.turn();
          hub.catalog.start(hub.now);
          hub.live.onChange((changes, now) => hub.catalog.apply(changes, now));
          const insights = new Insights(hub.live, hub.clock);
          assert.deepEqual(kept(insights), whole(hub));
          for (const [i, turn] of all.entries()) {
            for (const { make } of turn) await make(hub);
            await hub.turn();
            await hub.clock.advance(waits[i] ?? 0);
            await hub.turn();
            assert.deepEqual(kept(insights), whole(hub), turn.map(({ what }) => what).join('\n'));
          }
          hub.end();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('say of a clock what the last heartbeat says', async () => {
    const hub = await Federation.start('east');
    hub.report('east', {});
    await hub.turn();
    const insights = new Insights(hub.live, hub.clock);
    for (const [skew, said] of [
      [500_000, /500 s ahead/],
      [61_000, /61 s ahead/],
      [-61_000, /61 s behind/],
    ] as const) {
      hub.heartbeat('east', skew);
      await hub.turn();
      assert.match(kept(insights).join(), said);
    }
    hub.end();
  });

  it('are others when time alone makes them so', async () => {
    const hub = await Federation.start('east');
    hub.report('east', {});
    const input = { cluster: 'north', lifetime: 60_000, namespaces: undefined, network: undefined };
    await hub.run(createJoinToken, input);
    await hub.turn();
    const insights = new Insights(hub.live, hub.clock);
    assert.match(kept(insights).join(), /valid until/);
    await hub.clock.advance(60_000);
    assert.match(kept(insights).join(), /never joined/);
    assert.deepEqual(kept(insights), whole(hub));
    hub.end();
  });

  it('read on what the last look gave for 30 s, and make one service again when one has changed', async () => {
    const hub = await Federation.start('east', 'west');
    for (const name of ['east', 'west']) hub.report(name, { services: { cart: 2, pay: 2 } });
    await hub.turn();
    const counts = (healthy: number) =>
      hub.observations.update('west', (one) => {
        const cart = one.services.get(inShop('cart'))!;
        const groups = cart.groups.map((group) => ({ ...group, healthy }));
        return { ...one, services: new Map(one.services).set(inShop('cart'), { ...cart, groups }) };
      });
    const insights = new Insights(hub.live, hub.clock);
    const first = insights.current([]);
    counts(0);
    await hub.turn();
    assert.equal(insights.ofLastLook([]), first);
    const made = insights.made;
    assert.equal(insights.current([]).length, 1);
    assert.equal(insights.made - made, 1);
    assert.equal(insights.current([]), insights.ofLastLook([]));
    await hub.clock.advance(30_000);
    counts(2);
    await hub.turn();
    assert.deepEqual(insights.ofLastLook([]), []);
    hub.end();
  });
});
