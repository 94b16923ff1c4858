import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  capacities,
  shares,
  type Diverted,
  type Group,
  type ShareQuestion,
} from '@isthmus/mesh/balance/shares.ts';

const group = (cluster: string, region: string, healthy: number, zone = ''): Group => ({
  cluster,
  region,
  zone,
  healthy,
});
const drain = (cluster: string, percent: number, remoteOnly = false): Diverted => ({
  cluster,
  percent,
  remoteOnly,
});
const client = { cluster: 'east', region: 'a', zone: 'a1' };
const [east, west, south] = [group('east', 'a', 2), group('west', 'b', 2), group('south', 'a', 2)];
const question = (over: Partial<ShareQuestion<Group>> = {}): ShareQuestion<Group> => ({
  client,
  groups: [east, west, south],
  localityOrder: [],
  regionFailover: [],
  trafficShifts: [],
  ...over,
});
const local = { localityOrder: ['REGION', 'CLUSTER'] as const };

/** `east 70 south 30`, clusters with nothing left out. */
const sharesText = (asked: ShareQuestion<Group>): string =>
  [...shares(asked).byGroup]
    .filter(([, share]) => share > 0)
    .map(([{ cluster }, share]) => `${cluster} ${Math.round(share * 1000) / 10}`)
    .join(' ');

describe('shares', () => {
  const dead = { ...east, healthy: 0 };
  const toB = {
    regionFailover: [
      { from: 'a', to: 'b' },
      { from: 'a', to: 'c' },
    ],
  };
  const inC = group('north', 'c', 2);
  const cases: readonly [string, ShareQuestion<Group>, string][] = [
    ['without a policy all alike', question(), 'east 33.3 west 33.3 south 33.3'],
    ['by health', question({ groups: [east, group('west', 'b', 6)] }), 'east 25 west 75'],
    ['the own cluster first', question(local), 'east 100'],
    ['then its region', question({ ...local, groups: [dead, west, south] }), 'south 100'],
    ['then the rest', question({ ...local, groups: [dead, west, { ...south, healthy: 0 }] }), 'west 100'],
    [
      'region before cluster when it stands first',
      question({ localityOrder: ['REGION'] }),
      'east 50 south 50',
    ],
    [
      'the zone',
      question({
        localityOrder: ['ZONE'],
        groups: [group('east', 'a', 1, 'a1'), group('east', 'a', 3, 'a2')],
      }),
      'east 100',
    ],
    ['failover by region, in order', question({ ...local, ...toB, groups: [dead, inC, west] }), 'west 100'],
    [
      'failover to the second region',
      question({ ...local, ...toB, groups: [dead, inC, { ...west, healthy: 0 }] }),
      'north 100',
    ],
    [
      'a region that is not listed comes after those that are',
      question({ ...local, ...toB, groups: [dead, group('far', 'z', 9), inC] }),
      'north 100',
    ],
    [
      'failover of another region says nothing',
      question({ ...local, regionFailover: [{ from: 'b', to: 'c' }], groups: [dead, inC, west] }),
      'north 50 west 50',
    ],
    ['nothing healthy anywhere', question({ groups: [dead] }), ''],
    ['drained by 30', question({ ...local, trafficShifts: [drain('east', 30)] }), 'east 70 south 30'],
    ['drained whole', question({ ...local, trafficShifts: [drain('east', 100)] }), 'south 100'],
    ['drained by nothing', question({ ...local, trafficShifts: [drain('east', 0)] }), 'east 100'],
    [
      'drained past the next, which is drained too',
      question({ ...local, trafficShifts: [drain('east', 100), drain('south', 100)] }),
      'west 100',
    ],
    [
      'a share never lands where another leaves',
      question({ ...local, trafficShifts: [drain('east', 50), drain('south', 50)] }),
      'east 50 west 50',
    ],
    [
      'only half-left clusters take, by what they keep',
      question({
        groups: [east, west, south],
        trafficShifts: [drain('east', 100), drain('west', 75), drain('south', 50)],
      }),
      'west 36.1 south 63.9',
    ],
    [
      'drained for remote clients: its own stay',
      question({ ...local, trafficShifts: [drain('east', 100, true)] }),
      'east 100',
    ],
    [
      'drained for remote clients: they leave',
      question({
        ...local,
        client: { ...client, cluster: 'south' },
        groups: [east, west],
        trafficShifts: [drain('east', 100, true)],
      }),
      'west 100',
    ],
    [
      'the larger of two drains holds',
      question({ ...local, trafficShifts: [drain('east', 10), drain('east', 40)] }),
      'east 60 south 40',
    ],
    [
      'more than everything is everything',
      question({ ...local, trafficShifts: [drain('east', 140)] }),
      'south 100',
    ],
    [
      'a drain elsewhere changes nothing',
      question({ ...local, trafficShifts: [drain('west', 100)] }),
      'east 100',
    ],
    [
      'all alike, one drained by half',
      question({ trafficShifts: [drain('east', 50)] }),
      'east 16.7 west 41.7 south 41.7',
    ],
  ];
  for (const [name, asked, expected] of cases) it(name, () => assert.equal(sharesText(asked), expected));

  it('a drained cluster that alone has the service stays, and is named', () => {
    const asked = question({
      ...local,
      groups: [east, { ...south, healthy: 0 }],
      trafficShifts: [drain('east', 100)],
    });
    assert.deepEqual([sharesText(asked), shares(asked).noAlternative], ['east 100', ['east']]);
  });

  it('so do two, when both are left altogether', () => {
    const asked = question({
      groups: [east, south],
      trafficShifts: [drain('east', 100), drain('south', 100)],
    });
    assert.deepEqual(
      [sharesText(asked), shares(asked).noAlternative],
      ['east 50 south 50', ['east', 'south']],
    );
  });

  it('names no cluster if there is an alternative, or no drain', () => {
    assert.deepEqual(shares(question({ ...local, trafficShifts: [drain('east', 100)] })).noAlternative, []);
    assert.deepEqual(shares(question({ groups: [east] })).noAlternative, []);
  });
});

describe('laws of shares', () => {
  const names = ['c1', 'c2', 'c3', 'c4'];
  const few = <T>(...values: readonly T[]) => fc.constantFrom(...values);
  const groups = fc.array(
    fc.record({
      cluster: few(...names),
      region: few('a', 'b', 'c'),
      zone: few('', 'z'),
      healthy: few(0, 1, 2, 5, 100),
    }),
    { maxLength: 8 },
  );
  const percent = fc.oneof(few(0, 100), fc.nat(100));
  const asked: fc.Arbitrary<ShareQuestion<Group>> = fc.record({
    client: fc.record({ cluster: few(...names), region: few('a', 'b', 'c'), zone: few('', 'z') }),
    groups,
    localityOrder: fc.uniqueArray(few('REGION' as const, 'ZONE' as const, 'CLUSTER' as const)),
    regionFailover: fc.array(fc.record({ from: few('a', 'b', 'c'), to: few('a', 'b', 'c') }), {
      maxLength: 3,
    }),
    trafficShifts: fc.array(fc.record({ cluster: few(...names), percent, remoteOnly: fc.boolean() }), {
      maxLength: 3,
    }),
  });
  const of = (one: ShareQuestion<Group>, cluster: string) =>
    [...shares(one).byGroup]
      .filter(([each]) => each.cluster === cluster)
      .reduce((sum, [, share]) => sum + share, 0);
  const check = (law: (one: ShareQuestion<Group>) => void) =>
    fc.assert(fc.property(asked, law), { numRuns: 1000 });

  it('they are fractions that sum to 1 wherever anything is healthy, and none goes where nothing is', () =>
    check((one) => {
      const { byGroup } = shares(one);
      const sum = [...byGroup.values()].reduce((all, share) => all + share, 0);
      const any = one.groups.some(({ healthy }) => healthy > 0);
      assert.ok(Math.abs(sum - (any ? 1 : 0)) < 1e-9);
      for (const [{ healthy }, share] of byGroup) assert.ok(share >= 0 && (healthy > 0 || share === 0));
      assert.equal(byGroup.size, new Set(one.groups).size);
    }));

  it('one drain keeps exactly what is not diverted', () =>
    fc.assert(
      fc.property(asked, few(...names), percent, (one, cluster, share) => {
        const before = of({ ...one, trafficShifts: [] }, cluster);
        const drained = { ...one, trafficShifts: [drain(cluster, share)] };
        const hasOther = one.groups.some((each) => each.cluster !== cluster && each.healthy > 0);
        assert.ok(Math.abs(of(drained, cluster) - (hasOther ? before * (1 - share / 100) : before)) < 1e-9);
        if (share === 100 && hasOther) assert.equal(of(drained, cluster), 0);
        if (share === 0)
          assert.deepEqual(shares(drained).byGroup, shares({ ...one, trafficShifts: [] }).byGroup);
        assert.deepEqual(
          shares(drained).noAlternative,
          !hasOther && before > 0 && share > 0 ? [cluster] : [],
        );
      }),
      { numRuns: 1000 },
    ));

  it('a larger drain never leaves a cluster more, nor any other less', () =>
    fc.assert(
      fc.property(asked, few(...names), percent, percent, (one, cluster, some, more) => {
        const [low, high] = [Math.min(some, more), Math.max(some, more)];
        const at = (share: number) => ({ ...one, trafficShifts: [drain(cluster, share)] });
        for (const name of names)
          if (name === cluster) assert.ok(of(at(high), name) <= of(at(low), name) + 1e-9);
          else assert.ok(of(at(high), name) >= of(at(low), name) - 1e-9);
      }),
      { numRuns: 1000 },
    ));

  it('a drained cluster keeps its exact part while another is not drained', () =>
    check((one) => {
      const trafficShifts = one.trafficShifts.map((each) => ({ ...each, remoteOnly: false }));
      const left = new Map<string, number>();
      for (const each of trafficShifts)
        left.set(each.cluster, Math.max(left.get(each.cluster) ?? 0, each.percent));
      const hasUntouched = one.groups.some(
        ({ cluster, healthy }) => healthy > 0 && (left.get(cluster) ?? 0) === 0,
      );
      if (!hasUntouched) return;
      for (const [cluster, share] of left)
        if (share > 0) {
          const before = of({ ...one, trafficShifts: [] }, cluster);
          assert.ok(Math.abs(of({ ...one, trafficShifts }, cluster) - before * (1 - share / 100)) < 1e-9);
        }
    }));

  it('as capacities they are the same shares to within a hundredth', () =>
    check((one) => {
      const answer = shares(one);
      const isLocal = ({ cluster }: Group) => cluster === one.client.cluster;
      const { withdrawLocal, remote } = capacities(answer, isLocal);
      const units = new Map([...answer.byGroup].map(([each]) => [each, remote.get(each) ?? 0]));
      if (!withdrawLocal)
        for (const each of answer.byGroup.keys()) if (isLocal(each)) units.set(each, each.healthy * 1000);
      const whole = [...units.values()].reduce((sum, unit) => sum + unit, 0);
      for (const capacity of remote.values())
        assert.ok(Number.isInteger(capacity) && capacity > 0 && capacity < 2 ** 32);
      if (whole === 0) return;
      const share = (where: (each: Group) => boolean, values: ReadonlyMap<Group, number>) =>
        [...values].filter(([each]) => where(each)).reduce((sum, [, value]) => sum + value, 0);
      assert.ok(Math.abs(share(isLocal, units) / whole - share(isLocal, answer.byGroup)) < 0.01);
      for (const [each, expected] of answer.byGroup)
        if (!isLocal(each)) assert.ok(Math.abs(units.get(each)! / whole - expected) < 0.01);
    }));
});

describe('capacities', () => {
  const isLocal = ({ cluster }: Group) => cluster === 'east';
  const of = (percent: number) =>
    capacities(shares(question({ ...local, trafficShifts: [drain('east', percent)] })), isLocal);

  it('are of remote groups that have a share, beside 1,000 for each local endpoint', () => {
    assert.deepEqual(of(30), { withdrawLocal: false, remote: new Map([[south, 857]]) });
    assert.deepEqual(of(0), { withdrawLocal: false, remote: new Map() });
  });

  it('with nothing left at home, home is withdrawn', () =>
    assert.deepEqual(of(100), { withdrawLocal: true, remote: new Map([[south, 1_000_000]]) }));

  it('without local endpoints nothing is withdrawn', () => {
    const answer = shares(question({ ...local, groups: [west, south] }));
    assert.deepEqual(capacities(answer, isLocal), {
      withdrawLocal: false,
      remote: new Map([[south, 1_000_000]]),
    });
  });

  it('a share, however small, is never none', () => {
    const tiny = shares(question({ groups: [group('east', 'a', 100_000), group('west', 'b', 1)] }));
    assert.equal(capacities(tiny, isLocal).remote.size, 1);
    const small = capacities(
      {
        byGroup: new Map([
          [east, 0.999999999],
          [west, 1e-9],
        ]),
        noAlternative: [],
      },
      isLocal,
    );
    assert.deepEqual([...small.remote.values()], [1]);
  });
});
