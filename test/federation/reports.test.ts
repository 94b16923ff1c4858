import assert from 'node:assert/strict';
import { defaultLimits, parseLimits, type ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { LatestHealth } from '../../federation/link/latest-health.ts';
import { withinLimits } from '../../federation/link/limited-health.ts';
import { Pace } from '../../federation/link/pace.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { withHealth, withHealthRejections } from '../../federation/observation/health-steps.ts';
import { emptyRecord, withReplica, withoutOldRejections } from '../../federation/observation/record-steps.ts';
import { FakeClock } from '../fakes/clock.ts';
import { Federation } from '../fakes/federation.ts';
import { aReplica } from '../fakes/replica.ts';
import { gateway, health, hosted, port, report, Reporting, resource, service } from '../fakes/reporting.ts';
import { inShop } from '../fakes/services.ts';

describe('what one cluster may report', () => {
  it('a report whose name is not its content’s is rejected, and changes nothing', () => {
    const east = new Reporting();
    assert.deepEqual(east.put('service', [service('cart')]), []);
    assert.deepEqual(east.put('service', [service('vault', {}, 'shop/cart')]), ['shop/cart']);
    assert.equal(east.record.services.get(inShop('cart'))?.name, 'cart');
    const odd = resource('istio-system/gw/9.9.9.9', gateway('127.9.1.1').body);
    assert.deepEqual(east.put('gateway', [odd]), ['istio-system/gw/9.9.9.9']);
    assert.equal(east.record.gateways.size, 0);
  });

  const tables: Record<
    string,
    { limits: Partial<ClusterLimits>; put: (east: Reporting, n: number) => number; most: number }
  > = {
    services: {
      limits: { services: 3 },
      most: 3,
      put: (east, n) =>
        east.put(
          'service',
          Array.from({ length: n }, (_, i) => service(`s${i}`)),
        ).length,
    },
    gateways: {
      limits: { gateways: 3 },
      most: 3,
      put: (east, n) =>
        east.put(
          'gateway',
          Array.from({ length: n }, (_, i) => gateway(`127.9.1.${i + 1}`)),
        ).length,
    },
    ports: {
      limits: { ports: 3 },
      most: 3,
      put: (east, n) =>
        east.put('service', [service('s', { ports: Array.from({ length: n }, (_, i) => port(i)) })]).length,
    },
    bytes: {
      limits: { bytes: hosted(3).body.length + 'shop/s'.length },
      most: 3,
      put: (east, n) => east.put('service', [hosted(n)]).length,
    },
  };
  for (const [limit, { limits, put, most }] of Object.entries(tables)) {
    for (const [n, rejected] of [
      [most - 1, 0],
      [most, 0],
      [most + 1, 1],
    ] as const)
      it(`${limit}: ${n} of ${most} allowed, ${rejected} rejected`, () => {
        const east = new Reporting(limits);
        assert.equal(put(east, n), rejected);
      });
  }

  it('a report that is not well formed is a condition of its cluster', async () => {
    const hub = await Federation.start('east');
    const east = new Reporting();
    east.put('service', [resource('shop/odd', Uint8Array.of(255))]);
    hub.observe(east.record);
    assert.deepEqual(
      conditionsOf(hub.now, 'east').map(({ reason, severity }) => [reason, severity]),
      [['REPORT_REJECTED', 'ERROR']],
    );
    hub.end();
  });

  for (const [later, left] of [
    [149_999, 1],
    [150_000, 0],
  ] as const)
    it(`a rejected report that the agent has not offered for ${later} ms counts ${left === 1 ? 'still' : 'no more'}`, () => {
      const east = new Reporting();
      east.put('service', [resource('shop/odd', Uint8Array.of(255))]);
      assert.equal(withoutOldRejections(east.record, 1 + later).rejectedReports.size, left);
    });

  it('what was rejected or waited on a link is not shown of the next one', () => {
    const east = new Reporting();
    east.put('service', [resource('shop/odd', Uint8Array.of(255))]);
    const next = withReplica({ ...east.record, reportsDelayed: 1000 }, aReplica());
    assert.deepEqual([next.rejectedReports.size, next.reportsDelayed], [0, undefined]);
  });

  it('keeps a bounded number of rejections', () => {
    const east = new Reporting();
    east.put(
      'service',
      Array.from({ length: 1500 }, (_, i) => resource(`shop/s${i}`, Uint8Array.of(255))),
    );
    assert.equal(east.record.rejectedReports.size, 1000);
  });

  it('takes 5,000 services, 50,000 endpoints and 16 gateways by default, and not one more of each', () => {
    const east = new Reporting();
    const many = Array.from({ length: 5_000 }, (_, i) => service(`s${i}`));
    assert.deepEqual(east.put('service', many), []);
    assert.deepEqual(east.put('service', [service('one-more')]), ['shop/one-more']);
    const gateways = Array.from({ length: 16 }, (_, i) => gateway(`127.9.1.${i + 1}`));
    assert.deepEqual(east.put('gateway', gateways), []);
    assert.deepEqual(east.put('gateway', [gateway('127.9.1.17')]), ['istio-system/gw/127.9.1.17']);
    const services = many.map((_, i) => health(`s${i}`, 10));
    assert.deepEqual(east.count(...services), []);
    // The last one by name is left out.
    assert.deepEqual(east.count(...services.slice(0, -1), health('s4999', 11)), ['shop/s999']);
  });
});

describe('endpoint counts of one cluster', () => {
  const limits = { ...defaultLimits, endpoints: 10 };

  for (const [total, left] of [
    [9, []],
    [10, []],
    [11, ['shop/b']],
  ] as const)
    it(`${total} endpoints where 10 are allowed leave out ${left.join() || 'nothing'}`, () => {
      const counts = report(health('a', 5), health('b', total - 5));
      const { rejected } = withinLimits(counts, emptyRecord('east', 0), limits);
      assert.deepEqual(
        rejected.map(({ service: name }) => name),
        left,
      );
    });

  it('keep what was taken before, whatever the order of the next report', () => {
    const before = withHealth(emptyRecord('east', 0), report(health('z', 8)), 1);
    const { report: taken } = withinLimits(report(health('a', 8), health('z', 8)), before, limits);
    assert.deepEqual(
      taken.services.map(({ name }) => name),
      ['z'],
    );
  });

  it('are rejected no more when a later report has room for them', () => {
    const one = { service: 'shop/a', why: 'too many', limit: 'endpoints' as const };
    const rejecting = withHealthRejections(emptyRecord('east', 0), report(), [one], 1);
    assert.equal(rejecting.rejectedReports.size, 1);
    assert.equal(withHealthRejections(rejecting, report(), [], 2).rejectedReports.size, 0);
  });

  it('come with a clock that is years off: the skew is shown as a day at most', () => {
    const off = (sentAt: number) => withHealth(emptyRecord('east', 0), { ...report(), sentAt }, 1e12);
    assert.equal(off(2e12).clockSkewMillis, 86_400_000);
    assert.equal(off(0).clockSkewMillis, -86_400_000);
    assert.equal(off(1e12 + 5).clockSkewMillis, 5);
  });
});

describe('how fast reports are taken', () => {
  it('a burst of twenty seconds at once, and the rest at the permitted rate', () => {
    const clock = new FakeClock();
    const pace = new Pace(clock, 10);
    assert.equal(pace.take(200), 0);
    assert.equal(pace.take(1), 100);
    assert.equal(pace.take(10), 1100);
  });

  it('of health reports that come too fast, the latest is taken later', async () => {
    const clock = new FakeClock();
    const taken: number[] = [];
    const latest = new LatestHealth(clock, ({ sequence }) => taken.push(sequence));
    for (let sequence = 1; sequence <= 1000; sequence++) latest.report({ ...report(), sequence });
    assert.equal(taken.length, 50);
    await clock.advance(100);
    assert.deepEqual([taken.length, taken.at(-1)], [51, 1000]);
  });

  const whole = report();
  const partial = { ...report(), partial: true as const };
  const changes = { ...report(), changes: { base: 1, removed: [] } };
  for (const [what, coming, left] of [
    ['a partial one gives way to changes', [partial, changes], [2]],
    ['a partial one does not replace changes', [changes, partial], [1]],
    ['changes give way to later ones', [changes, changes], [2]],
    [
      'changes do not replace the counts of all, but come after them',
      [whole, changes, partial, changes],
      [1, 4],
    ],
    ['the counts of all replace everything', [whole, changes, whole], [3]],
  ] as const)
    it(`of health reports that wait, ${what}`, async () => {
      const clock = new FakeClock();
      const taken: number[] = [];
      const latest = new LatestHealth(clock, ({ sequence }) => taken.push(sequence));
      for (let i = 0; i < 50; i++) latest.report({ ...report(), sequence: 0 });
      for (const [i, one] of coming.entries()) latest.report({ ...one, sequence: i + 1 });
      await clock.advance(100);
      assert.deepEqual(taken.slice(50), left);
    });
});

describe('--cluster-limits', () => {
  it('names what it changes', () => {
    assert.deepEqual(parseLimits('services=8000,gateways=32'), {
      ok: true,
      value: { ...defaultLimits, services: 8000, gateways: 32 },
    });
    assert.deepEqual(parseLimits(''), { ok: true, value: defaultLimits });
  });

  for (const text of ['servces=1', 'services=0', 'services=-1', 'services', 'services=1=2', 'services=1e3'])
    it(`'${text}' is refused with what it may be`, () => {
      const parsed = parseLimits(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, /is one of services|is not a whole number from 1 to/);
    });
});
