import assert from 'node:assert/strict';
import { defaultLimits, type ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { countsOf } from '../../../federation/link/counts-row.ts';
import { TakenHealth } from '../../../federation/link/taken-health.ts';
import type { ClusterRecord } from '../../../federation/observation/cluster-record.ts';
import { withRestoredCounts } from '../../../federation/observation/health-steps.ts';
import { withListing, withReplica } from '../../../federation/observation/record-steps.ts';
import type { ReportRow } from '../../../federation/store/store.ts';
import { aHealth } from '../../fakes/agent.ts';
import { Federation } from '../../fakes/federation.ts';
import { aReplica } from '../../fakes/replica.ts';
import { inShop } from '../../fakes/services.ts';

const taken = (sequence: number): HealthAnswer => ({ sequence, takesChanges: true, isRefused: false });
const refused = (sequence: number): HealthAnswer => ({ sequence, takesChanges: true, isRefused: true });

describe('federation/link: the health that is taken of a stream', () => {
  let hub: Federation;
  let limits: ClusterLimits;
  let rows: ReportRow[];
  let stream: TakenHealth;

  const open = () =>
    new TakenHealth(
      {
        clock: hub.clock,
        limits,
        snapshot: () => hub.now,
        observe: (cluster, step) => hub.observations.update(cluster, step),
        saveReports: (_cluster, saved) => rows.push(...saved),
      },
      'east',
    );
  beforeEach(async () => {
    hub = await Federation.start('east');
    limits = defaultLimits;
    rows = [];
    stream = open();
  });
  afterEach(() => hub.end());

  const report = (sequence: number, healthy: Readonly<Record<string, number>>): HealthReport => ({
    sequence,
    sentAt: 0,
    proxiesConnected: 1,
    workloads: 1,
    services: Object.entries(healthy).map(([name, count]) => aHealth(name, count)),
    unreadable: [],
  });
  const changes = (
    [sequence, base]: readonly [number, number],
    healthy: Readonly<Record<string, number>>,
    ...removed: readonly string[]
  ): HealthReport => ({ ...report(sequence, healthy), changes: { base, removed: removed.map(inShop) } });
  const record = (): ClusterRecord => hub.now.observed.get('east')!;
  const counts = () =>
    Object.fromEntries([...record().health].map(([key, [group]]) => [key.slice(5), group?.healthy]));

  it('is that of all services in a report without a base, of any agent', () => {
    assert.deepEqual(stream.take(report(1, { a: 1, b: 2 })), taken(1));
    assert.deepEqual(stream.take(report(2, { b: 1 })), taken(2));
    assert.deepEqual(counts(), { b: 1 });
    assert.equal(record().endpoints, 2);
  });

  it('is that of some services in changes: the others stay, in the record and in the store', () => {
    stream.take(report(1, { a: 1, b: 2, c: 2 }));
    rows = [];
    assert.deepEqual(stream.take(changes([2, 1], { a: 2, d: 1 }, 'c')), taken(2));
    assert.deepEqual(counts(), { a: 2, b: 2, d: 1 });
    assert.equal(record().endpoints, 6);
    assert.deepEqual(rows.map(({ name }) => name).sort(), ['shop/a', 'shop/c', 'shop/d']);
  });

  it('has no change in its name when the counts are alike', async () => {
    stream.take(report(1, { a: 1 }));
    await hub.turn();
    const { health } = record();
    let calls = 0;
    hub.live.onChange(() => calls++);
    stream.take(changes([2, 1], { a: 1 }, 'b'));
    await hub.turn();
    assert.equal(record().health, health);
    assert.equal(calls, 0);
  });

  it('takes changes on an older base, as they have everything since: one in between may be lost', () => {
    stream.take(report(1, { a: 1, b: 1 }));
    stream.take(changes([2, 1], { a: 2 }));
    assert.deepEqual(stream.take(changes([4, 1], { a: 0, b: 2 })), taken(4));
    assert.deepEqual(counts(), { a: 0, b: 2 });
  });

  it('does not answer a partial report, which changes no counts', () => {
    stream.take(report(1, { a: 1 }));
    assert.equal(stream.take({ ...report(2, {}), partial: true }), undefined);
    assert.deepEqual(counts(), { a: 1 });
    assert.deepEqual(stream.take(changes([3, 1], { a: 2 })), taken(3));
  });

  const refusals: Record<string, () => void> = {
    'before a whole report of the stream': () => {
      open().take(report(1, { a: 1 }));
    },
    'on a base that is above all that it has taken': () => {
      stream.take(report(1, { a: 1 }));
      stream.take(report(2, { a: 1 }));
    },
    'whose sequence was there before': () => {
      stream.take(report(9, { a: 1 }));
    },
    'after another link of the cluster has written other counts': () => {
      stream.take(report(3, { a: 2 }));
      open().take(report(1, { a: 1 }));
    },
    'after another link of the cluster has begun': () => {
      stream.take(report(3, { a: 1 }));
      hub.observe(withReplica(record(), aReplica()));
    },
    'after the cluster was forgotten': () => {
      stream.take(report(3, { a: 2 }));
      hub.observations.forget('east');
      hub.observations.update('east', (empty) => withRestoredCounts(empty, [aHealth('a', 1)]));
    },
  };
  for (const [when, before] of Object.entries(refusals))
    it(`refuses changes ${when}, and takes a whole report then`, () => {
      before();
      assert.deepEqual(stream.take(changes([4, 3], { a: 0, b: 2 })), refused(4));
      assert.deepEqual(counts(), { a: 1 });
      assert.deepEqual(stream.take(report(10, { b: 2 })), taken(10));
      assert.deepEqual(stream.take(changes([11, 10], { a: 2 })), taken(11));
      assert.deepEqual(counts(), { a: 2, b: 2 });
    });

  it('refuses changes on counts that the store had before the hub started', () => {
    const body = { cluster: 'east', type: 'health', version: '', asOf: 0 };
    stream.take(report(1, { a: 1 }));
    const stored = rows.map(({ name, resource }) => ({ ...body, name, body: resource!.body }));
    hub.observations.forget('east');
    hub.observations.update('east', (empty) => withRestoredCounts(empty, countsOf(stored)));
    assert.deepEqual(open().take(changes([2, 1], { a: 2 })), refused(2));
    assert.deepEqual(counts(), { a: 1 });
  });

  it('takes changes on counts that another stream has written alike', () => {
    stream.take(report(3, { a: 1 }));
    open().take(report(1, { a: 1 }));
    assert.deepEqual(stream.take(changes([4, 3], { a: 2 })), taken(4));
  });

  it('is of now, refused or not: the agent is there', () => {
    stream.take({ ...changes([2, 1], {}), proxiesConnected: 7 });
    assert.equal(record().proxiesConnected, 7);
    assert.equal(record().asOf, hub.clock.now());
    assert.equal(record().counted, false);
  });

  it('completes a cluster that has listed its reports only when it is whole', () => {
    const whole = (before: ClusterRecord) => withListing(withReplica(before, aReplica()));
    hub.observations.update('east', whole);
    stream.take(changes([1, 0], { a: 1 }));
    assert.equal(record().synced, false);
    stream.take(report(2, { a: 1 }));
    assert.equal(record().synced, true);
  });

  const rejections = () =>
    [...record().rejectedReports.values()].map(({ name, limit }) => [name, limit] as const);

  for (const [healthy, names] of [
    [9, []],
    [10, []],
    [11, [['shop/b', 'endpoints']]],
  ] as const)
    it(`${healthy} endpoints where 10 are allowed: changes leave out ${names.length === 0 ? 'nothing' : 'the service that is too large'}`, () => {
      limits = { ...defaultLimits, endpoints: 10 };
      stream = open();
      const sized = (name: string, total: number) => ({
        ...aHealth(name),
        groups: [{ region: 'r1', zone: 'z1', transport: 'hbone' as const, total, healthy: total }],
      });
      stream.take({ ...report(1, {}), services: [sized('a', 5), sized('b', 1)] });
      stream.take({ ...changes([2, 1], {}), services: [sized('b', healthy - 5)] });
      assert.deepEqual(rejections(), names);
      assert.deepEqual(record().endpoints, names.length === 0 ? healthy : 5);
      stream.take({ ...changes([3, 1], {}, 'a'), services: [sized('b', healthy - 5)] });
      assert.deepEqual([rejections(), counts()], [[], { b: healthy - 5 }]);
    });

  it('what cannot be read of changes is named and has no counts, until it can be', () => {
    stream.take(report(1, { a: 1, b: 1 }));
    const unreadable = [{ service: 'shop/a', why: 'groups[0].total: too many', limit: undefined }];
    assert.deepEqual(stream.take({ ...changes([2, 1], { b: 2 }), unreadable }), taken(2));
    assert.deepEqual([counts(), rejections()], [{ b: 2 }, [['shop/a', undefined]]]);
    stream.take(changes([3, 1], { b: 1 }));
    assert.deepEqual(rejections(), [['shop/a', undefined]]);
    stream.take(changes([4, 1], { a: 2 }));
    assert.deepEqual([counts(), rejections()], [{ a: 2, b: 1 }, []]);
  });

  for (const [services, refuses] of [
    [2, false],
    [3, false],
    [4, true],
  ] as const)
    it(`changes that make it ${services} services with counts where 3 are allowed are ${refuses ? 'refused, as the whole is' : 'taken'}`, () => {
      limits = { ...defaultLimits, services: 3 };
      stream = open();
      const all = Object.fromEntries(Array.from({ length: services }, (_, i) => [`s${i}`, 2]));
      stream.take(report(1, {}));
      assert.deepEqual(stream.take(changes([2, 1], all)), { ...taken(2), isRefused: refuses });
      const whole = stream.take(report(3, all));
      assert.deepEqual(whole, { ...taken(3), takesChanges: !refuses });
      assert.equal(record().health.size, services);
    });
});
