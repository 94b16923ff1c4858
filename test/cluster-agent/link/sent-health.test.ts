import assert from 'node:assert/strict';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import { SentHealth } from '../../../cluster-agent/link/sent-health.ts';
import { aHealth, healthSourceOf } from '../../fakes/agent.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { inShop } from '../../fakes/services.ts';

describe('cluster-agent/link: endpoint counts in health reports', () => {
  let clock: FakeClock;
  let cluster: { health: readonly ServiceHealth[]; partial: boolean };
  let sent: SentHealth;
  beforeEach(() => {
    clock = new FakeClock();
    cluster = { health: [aHealth('cart', 2), aHealth('web', 2)], partial: false };
    sent = new SentHealth(healthSourceOf(cluster), clock);
  });

  /** Undefined: the service has no endpoints any more. */
  const change = (name: string, healthy: number | undefined) => {
    const others = cluster.health.filter((one) => one.name !== name);
    cluster.health = healthy === undefined ? others : [...others, aHealth(name, healthy)];
    sent.touch([inShop(name)]);
  };
  const shown = ({ services, partial, changes }: HealthReport) => {
    if (partial) return 'none';
    const counts = services.map(({ name, groups }) => `${name}=${groups[0]?.healthy}`).join(' ');
    return changes ? `since ${changes.base}: ${[counts, ...changes.removed].join(' ').trim()}` : counts;
  };
  const next = () => shown(sent.next());
  const hear = (sequence: number, takesChanges = true, isRefused = false) =>
    sent.hear({ sequence, takesChanges, isRefused });

  it('are those of all services until the hub has acknowledged a report, then none', () => {
    assert.deepEqual([next(), next()], ['cart=2 web=2', 'cart=2 web=2']);
    hear(1);
    assert.equal(next(), 'none');
  });

  it('count reports from 1, with the time and the number of proxies', () => {
    const [one, two] = [sent.next(), sent.next()];
    assert.deepEqual([one.sequence, two.sequence], [1, 2]);
    assert.deepEqual([one.sentAt, one.proxiesConnected, one.workloads], [clock.now(), 1, 1]);
  });

  it('are those of all services at each change, to a hub that takes no changes', () => {
    next();
    hear(1, false);
    change('cart', 1);
    assert.equal(next(), 'web=2 cart=1');
    assert.equal(next(), 'web=2 cart=1');
    hear(3, false);
    assert.equal(next(), 'none');
  });

  it('are those of the services that have changed since the acknowledged report', () => {
    next();
    hear(1);
    change('cart', 1);
    assert.equal(next(), 'since 1: cart=1');
    change('web', undefined);
    assert.equal(next(), 'since 1: cart=1 shop/web');
    hear(2);
    assert.equal(next(), 'since 2: shop/web');
    hear(4);
    assert.equal(next(), 'none');
  });

  it('keep what has changed again since it was sent, also when it has changed back', () => {
    next();
    hear(1);
    change('cart', 1);
    next();
    change('cart', 2);
    hear(2);
    assert.equal(next(), 'since 2: cart=2');
  });

  it('have what changed while the report on all was under way', () => {
    next();
    change('cart', 0);
    hear(1);
    assert.equal(next(), 'since 1: cart=0');
  });

  it('are those of all services after a refusal, which is answered at once', () => {
    next();
    hear(1);
    change('cart', 1);
    next();
    assert.equal(hear(2, true, true), true);
    assert.equal(next(), 'web=2 cart=1');
    assert.equal(hear(3), false);
    assert.equal(next(), 'none');
  });

  it('are sent whole once for several refusals, and not at once again when the whole is refused, too', () => {
    next();
    hear(1);
    change('cart', 1);
    next();
    next();
    assert.equal(hear(2, true, true), true);
    next();
    assert.equal(hear(3, true, true), false);
    assert.equal(hear(4, true, true), false);
    assert.equal(next(), 'web=2 cart=1');
  });

  it('do not rest on a report from before a refusal, nor on one that was not sent', () => {
    next();
    next();
    hear(1);
    change('cart', 1);
    next();
    hear(3, true, true);
    hear(2);
    assert.equal(next(), 'web=2 cart=1');
    hear(5);
    assert.equal(next(), 'web=2 cart=1');
    hear(4);
    assert.equal(next(), 'none');
  });

  it('are not changes any more once the hub says so', () => {
    next();
    hear(1);
    change('cart', 1);
    hear(1, false);
    assert.equal(next(), 'web=2 cart=1');
  });

  it('are those of all services when any may have changed', () => {
    next();
    hear(1);
    sent.touch(undefined);
    assert.equal(next(), 'cart=2 web=2');
  });

  for (const [after, what] of [
    [59_999, 'none'],
    [60_000, 'cart=2 web=2'],
    [60_001, 'cart=2 web=2'],
  ] as const)
    it(`are ${what === 'none' ? 'none' : 'those of all services'} ${after} ms after the last report on all`, async () => {
      next();
      hear(1);
      await clock.advance(after);
      assert.equal(next(), what);
    });

  it('are changes while the report on all of each minute is not acknowledged', async () => {
    next();
    hear(1);
    await clock.advance(60_000);
    next();
    change('cart', 1);
    assert.equal(next(), 'since 1: cart=1');
  });

  it('are not there before the cluster is listed, and then in the first report', () => {
    cluster.partial = true;
    assert.equal(next(), 'none');
    hear(1);
    cluster.partial = false;
    assert.equal(next(), 'cart=2 web=2');
  });

  it('are those of all services again after another replica of the agent may have counted', () => {
    next();
    hear(1);
    cluster.partial = true;
    assert.equal(next(), 'none');
    change('cart', 1);
    cluster.partial = false;
    assert.equal(next(), 'web=2 cart=1');
    hear(3);
    assert.equal(next(), 'none');
  });

  for (const [count, isWhole] of [
    [999, false],
    [1_000, false],
    [1_001, true],
  ] as const)
    it(`are those of ${isWhole ? 'all services' : 'the changed services'} when ${count} have changed`, () => {
      const many = Array.from({ length: count }, (_, i) => aHealth(`s${i}`));
      cluster.health = [...cluster.health, ...many];
      next();
      hear(1);
      sent.touch(many.map(formatServiceKey));
      const { services, changes } = sent.next();
      assert.equal(services.length, isWhole ? count + 2 : count);
      assert.equal(changes === undefined, isWhole);
    });
});
