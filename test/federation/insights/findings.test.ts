import assert from 'node:assert/strict';
import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import { namespaceOf, type Condition } from '@isthmus/api/domain/condition.ts';
import type { IntermediateRecord } from '@isthmus/api/domain/trust.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { findingOf, orderOf } from '../../../federation/insights/finding.ts';
import { findings } from '../../../federation/insights/findings.ts';
import { policyVersionOf } from '../../../federation/compile/version-of.ts';
import { drainCluster } from '../../../federation/registry/drain.ts';
import { createJoinToken } from '../../../federation/registry/join-tokens.ts';
import { stalenessOf } from '../../../federation/graphql/types/common.ts';
import { aMember, Federation } from '../../fakes/federation.ts';
import { aReplica } from '../../fakes/replica.ts';

const condition = (over: Partial<Condition>): Condition => ({
  type: 'Captured',
  status: 'False',
  reason: 'PORT_NOT_CAPTURABLE',
  severity: 'WARNING',
  object: '',
  message: 'it happened',
  remedy: 'do something',
  ...over,
});

const policy: AccessPolicy = {
  kind: 'accessPolicy',
  name: 'deny',
  effect: 'DENY',
  rules: [{ principals: [], namespaces: [], ports: [1] }],
  target: { clusters: [], namespace: 'shop', labels: {} },
};

const day = 86_400_000;

describe('federation/insights: findings', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
    for (const name of ['east', 'west']) hub.report(name, { services: { cart: 2 } });
  });
  afterEach(() => hub.end());

  const now = () =>
    [...findings(hub.now, hub.clock.now())].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const reasons = () =>
    now().map(({ severity, reason, cluster, object }) => [severity, reason, cluster, object]);
  const intermediate = (notAfter: number): IntermediateRecord => ({
    kind: 'intermediate',
    keyId: 'k1',
    trustDomain: defaultTrustDomain,
    cluster: 'east',
    notAfter,
    certificatePem: '',
    revoked: false,
    activated: true,
  });

  it('are none where all is well', () => assert.deepEqual(now(), []));

  it('have every condition of a cluster and of a service, gravest first, with the object and its namespace', () => {
    hub.report('east', {
      services: { cart: 2 },
      over: { cart: { conditions: [condition({ reason: 'SHARED_BY_WEIGHT', severity: 'INFO' })] } },
      record: {
        conditions: [
          condition({ object: 'Pod shop/cart-1' }),
          condition({ reason: 'REPORT_TOO_LARGE', severity: 'ERROR' }),
        ],
      },
    });
    assert.deepEqual(reasons(), [
      ['ERROR', 'REPORT_TOO_LARGE', 'east', 'Cluster east'],
      ['WARNING', 'PORT_NOT_CAPTURABLE', 'east', 'Pod shop/cart-1'],
      ['INFO', 'SHARED_BY_WEIGHT', 'east', 'Service shop/cart'],
    ]);
    assert.deepEqual(
      now().map(({ namespace }) => namespace),
      ['', 'shop', 'shop'],
    );
  });

  for (const [count, listed] of [
    [999, 999],
    [1000, 1000],
    [1001, 1000],
  ] as const)
    it(`of ${count} about the services of one cluster ${listed} are listed, the gravest and how many others`, () => {
      const names = Array.from({ length: count }, (_, i) => `s${i}`);
      const services = Object.fromEntries(names.map((name) => [name, 1]));
      const one = (name: string) => condition({ severity: name === 's998' ? 'ERROR' : 'WARNING' });
      const over = Object.fromEntries(names.map((name) => [name, { conditions: [one(name)] }]));
      hub.report('east', { services, over });
      const found = now().filter(({ cluster }) => cluster === 'east');
      assert.equal(found.length, listed);
      assert.deepEqual([found[0]?.severity, found[0]?.object], ['ERROR', 'Service shop/s998']);
      const rest = found.find(({ reason }) => reason === 'FINDINGS_OMITTED');
      assert.equal(
        rest?.message.startsWith('2 more findings about services of east'),
        count > 1000 || undefined,
      );
    });

  it('name what the hub itself lacks, first of all', () => {
    const checks = [
      { name: 'started', problem: undefined },
      { name: 'store', problem: undefined, degraded: ['hub.db cannot be written: the disk is full'] },
    ];
    const [found, ...rest] = findings(hub.now, hub.clock.now(), checks);
    assert.equal(rest.length, 0);
    assert.deepEqual(
      [found?.severity, found?.reason, found?.cluster, found?.object],
      ['ERROR', 'HUB_DEGRADED', '', 'Hub'],
    );
    assert.match(found?.message ?? '', /\(store\): hub\.db cannot be written: the disk is full/);
    assert.match(found?.remedy ?? '', /free the disk/);
    const failed = [{ name: 'store', problem: 'no revision after 7; start the hub again' }];
    const [unready] = findings(hub.now, hub.clock.now(), failed);
    assert.equal(unready?.reason, 'HUB_NOT_READY');
    assert.match(unready.message, /\(store\): no revision after 7/);
  });

  it('name an agent that is away, with where it should connect', () => {
    hub.report('east', { services: { cart: 2 }, record: { link: { kind: 'UNREACHABLE', since: 1000 } } });
    const [found, ...rest] = now();
    assert.deepEqual([found?.reason, found?.severity, rest], ['AGENT_UNREACHABLE', 'ERROR', []]);
    assert.match(found?.message ?? '', /1970-01-01T00:00:01/);
    assert.match(found?.remedy ?? '', /127\.0\.0\.1:2/);
  });

  it('name a cluster whose agent is connected and has no replica that leads, with the age of what is known', () => {
    hub.report('east', { services: { cart: 2 }, record: { replicas: [aReplica()] } });
    assert.deepEqual(now(), []);
    const asOf = Date.parse('2026-11-30T10:00:00Z');
    hub.report('east', { services: { cart: 2 }, record: { asOf, replicas: [aReplica({ leads: false })] } });
    const [found, ...rest] = now();
    assert.deepEqual([found?.reason, found?.severity, rest], ['AGENT_WITHOUT_LEADER', 'WARNING', []]);
    assert.match(found?.message ?? '', /its health are those of 2026-11-30T10:00:00/);
    assert.match(found?.remedy ?? '', /API server of east answers/);
    assert.equal(stalenessOf(hub.now.observed.get('east')).reachable, false);
  });

  it('name a service without a healthy endpoint: an error where no other cluster has one', () => {
    hub.report('east', { services: { cart: 0 } });
    assert.deepEqual(reasons(), [['WARNING', 'NO_HEALTHY_ENDPOINT', 'east', 'Service shop/cart']]);
    hub.report('west', { services: { cart: 0 } });
    assert.deepEqual(
      reasons().map(([severity]) => severity),
      ['ERROR', 'ERROR'],
    );
  });

  it('name exports and traffic policies of services that no cluster has', async () => {
    await hub.put(
      { kind: 'serviceExport', namespace: 'shop', name: 'gone', clusters: [] },
      { kind: 'serviceExport', namespace: 'shop', name: 'cart', clusters: ['east', 'north'] },
      { kind: 'trafficPolicy', namespace: 'shop', name: 'gone', localityOrder: [], regionFailover: [] },
    );
    assert.deepEqual(
      reasons().map(([, reason, cluster, object]) => [reason, cluster, object]),
      [
        ['EXPORT_OF_NOTHING', '', 'ServiceExport shop/gone'],
        ['TRAFFIC_POLICY_OF_NOTHING', '', 'TrafficPolicy shop/gone'],
        ['EXPORT_OF_NOTHING', 'north', 'ServiceExport shop/cart'],
      ],
    );
  });

  it('name policies that a cluster has not applied, and why', async () => {
    await hub.put(policy);
    const version = policyVersionOf(hub.now, 'deny', defaultTrustDomain) ?? '';
    const applied = (state: 'APPLIED' | 'PENDING' | 'REJECTED', message: string) =>
      new Map([['policy/deny', { subject: 'policy/deny', version, state, message, proxies: 1 }]]);
    const reasonAt = () => now().filter(({ cluster }) => cluster === 'east')[0];
    const say = (state: 'APPLIED' | 'PENDING' | 'REJECTED', message: string) =>
      hub.report('east', { services: { cart: 2 }, record: { applied: applied(state, message) } });
    assert.equal(reasonAt()?.reason, 'POLICY_PENDING');
    say('PENDING', 'Pod shop/cart-1 has no proxy');
    assert.deepEqual([reasonAt()?.reason, reasonAt()?.severity], ['POLICY_NOT_ENFORCED', 'ERROR']);
    assert.match(reasonAt()?.message ?? '', /cart-1 has no proxy/);
    say('REJECTED', 'no room');
    assert.equal(reasonAt()?.reason, 'POLICY_REJECTED');
    say('APPLIED', '');
    assert.equal(reasonAt(), undefined);
  });

  for (const [left, expected] of [
    [7 * day + 1, undefined],
    [7 * day, 'WARNING INTERMEDIATE_EXPIRES'],
    [day, 'ERROR INTERMEDIATE_EXPIRES'],
    [0, 'ERROR INTERMEDIATE_EXPIRED'],
  ] as const)
    it(`an intermediate that ends in ${left} ms is ${expected ?? 'no finding'}`, async () => {
      await hub.put(intermediate(hub.clock.now() + left));
      const [found] = now();
      assert.equal(found && `${found.severity} ${found.reason}`, expected);
    });

  it('a cluster that never joined waits while its token is valid, and is a warning afterwards', async () => {
    await hub.run(createJoinToken, {
      cluster: 'north',
      lifetime: 60_000,
      namespaces: undefined,
      network: undefined,
    });
    const found = () => reasons().map(([severity, reason, cluster]) => [severity, reason, cluster]);
    assert.deepEqual(found(), [['INFO', 'NOT_JOINED', 'north']]);
    await hub.clock.advance(60_000);
    assert.deepEqual(found(), [['WARNING', 'NOT_JOINED', 'north']]);
  });

  it('drains in force are for information, and an operation is a warning once it has waited for a minute', async () => {
    await hub.run(
      drainCluster,
      { cluster: 'east', percent: 30, scope: 'ALL', deadline: undefined },
      { reason: 'kernel upgrade' },
    );
    assert.deepEqual(reasons(), [['INFO', 'DRAIN_IN_FORCE', 'east', 'Cluster east']]);
    assert.match(
      now()
        .map(({ message }) => message)
        .join(),
      /by admin since .* \(kernel upgrade\)/,
    );
    await hub.clock.advance(59_999);
    assert.equal(now().length, 1);
    await hub.clock.advance(1);
    const waiting = now().filter(({ reason }) => reason === 'OPERATION_WAITS');
    assert.match(waiting.map(({ message }) => message).join(), /east, west has not acknowledged/);
  });

  it('a revoked cluster is not a finding', async () => {
    await hub.put(aMember('east', { admission: 'REVOKED' }));
    assert.deepEqual(now(), []);
  });
});

describe('the namespace of a condition’s object', () => {
  for (const [object, namespace] of [
    ['Pod shop/cart-1', 'shop'],
    ['Cluster east', ''],
    ['', ''],
    ['Node a/b', 'a'],
  ] as const)
    it(`of '${object}' is '${namespace}'`, () => assert.equal(namespaceOf(object), namespace));
});

describe('federation/insights: the finding of a condition', () => {
  const said = (message: string, remedy: string) => {
    const finding = findingOf(condition({ message, remedy }), 'east', 'Cluster east');
    return [finding.message, finding.remedy];
  };

  it('has the condition’s message and remedy', () => {
    assert.deepEqual(said('it happened', 'do something'), ['it happened', 'do something']);
  });

  it('says where to look when the agent gives no message or no remedy', () => {
    const message = 'the agent of east reports PORT_NOT_CAPTURABLE and gives no cause';
    const remedy = 'look for PORT_NOT_CAPTURABLE in the log of the agent of east';
    assert.deepEqual(said('', 'do something'), [message, 'do something']);
    assert.deepEqual(said('it happened', ''), ['it happened', remedy]);
  });
});
