import assert from 'node:assert/strict';
import type { Warning } from '../../federation/command/warning.ts';
import { executeFailover } from '../../federation/failover/commands.ts';
import { simulate } from '../../federation/failover/plan.ts';
import { Plans } from '../../federation/failover/plans.ts';
import { drainCluster } from '../../federation/registry/drain.ts';
import { clockConditions } from '@isthmus/federation/observation/clock-condition.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { emptyRecord } from '../../federation/observation/record-steps.ts';
import { Federation } from '../fakes/federation.ts';
import { aReplica } from '../fakes/replica.ts';

const away = { link: { kind: 'UNREACHABLE' as const, since: 1 } };

describe('the clusters to which a failover or a drain would move connections', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west', 'south');
    for (const name of ['east', 'west', 'south']) hub.report(name, { services: { cart: 2 } });
  });
  afterEach(() => hub.end());

  const sentences = (warnings: readonly Warning[]) => warnings.map(({ message }) => message).join('\n');
  const plan = () => {
    const request = { from: { cluster: 'east' }, services: [], percent: 100, scope: 'ALL' as const };
    const made = simulate(hub.now, { ...request, expiresAt: undefined }, hub.clock.now());
    assert.ok(made.ok);
    return made.value;
  };
  const drainWarnings = async () => {
    const drain = { cluster: 'east', percent: 100, scope: 'ALL' as const, deadline: undefined };
    const outcome = await hub.run(drainCluster, drain, { dryRun: true });
    assert.ok(outcome.ok);
    return sentences(outcome.warnings);
  };

  it('are listed where they are unreachable, every one of them', () => {
    assert.deepEqual([plan().unreachable, plan().warnings], [[], []]);
    for (const name of ['west', 'south']) hub.report(name, { services: { cart: 2 }, record: away });
    assert.deepEqual([...plan().unreachable].sort(), ['south', 'west']);
    assert.match(sentences(plan().warnings), /^west is unreachable: .*\nsouth is unreachable: /);
  });

  it('are unreachable where no replica of their agent leads: their counts stand still', () => {
    hub.report('west', { services: { cart: 2 }, record: { replicas: [aReplica({ leads: false })] } });
    assert.deepEqual(plan().unreachable, ['west']);
    hub.report('west', { services: { cart: 2 }, record: { replicas: [aReplica()] } });
    assert.deepEqual(plan().unreachable, []);
  });

  it('are warned of where endpoints are not healthy, or no gateway is', () => {
    hub.report('west', { services: { cart: 1 } });
    assert.match(sentences(plan().warnings), /^shop\/cart has 1 of 2 endpoints healthy in west: /);
    hub.report('west', { services: { cart: 2 }, record: { gateways: new Map() } });
    assert.match(sentences(plan().warnings), /^west has no healthy east-west gateway: /);
  });

  it('are warned of when a plan is executed that was made before anything was wrong with them', async () => {
    const plans = new Plans(hub.clock);
    const execute = async () => {
      const outcome = await hub.run(executeFailover(plans), { planId: 'p' });
      return outcome.ok
        ? outcome.warnings.map(({ code, message }) => `${code}: ${message}`)
        : outcome.errors.map(({ code }) => code);
    };
    plans.keep('p', plan());
    assert.deepEqual(plan().warnings, []);
    hub.report('west', { services: { cart: 1 } });
    hub.report('south', { services: { cart: 2 }, record: away });
    const warned = await execute();
    assert.match(
      warned.join('\n'),
      /^TARGET_UNREACHABLE: south is unreachable: .*\nTARGET_UNHEALTHY: shop\/cart has 1 of 2 endpoints healthy in west: /,
    );
    assert.equal(hub.now.intent.failovers.size, 1);
  });

  it('make a plan stale when the last endpoint there is no longer healthy: the execution is refused, and nothing changes', async () => {
    const plans = new Plans(hub.clock);
    plans.keep('p', plan());
    hub.report('west', { services: { cart: 0 } });
    const outcome = await hub.run(executeFailover(plans), { planId: 'p' });
    assert.ok(!outcome.ok);
    assert.deepEqual(
      outcome.errors.map(({ code }) => code),
      ['PLAN_STALE'],
    );
    assert.equal(hub.now.intent.failovers.size, 0);
  });

  it('a drain distinguishes services that exist nowhere else from services whose other clusters cannot take them', async () => {
    assert.equal(await drainWarnings().then((text) => text.includes('will not move')), false);
    for (const name of ['west', 'south']) hub.report(name, { services: {} });
    assert.match(await drainWarnings(), /no cluster but east has shop\/cart: it will not move/);
    hub.report('west', { services: { cart: 0 }, record: away });
    assert.match(
      await drainWarnings(),
      /no healthy alternative for shop\/cart outside east: west is unreachable and has 0 of 2 endpoints healthy: it will not move/,
    );
    hub.report('west', { services: { cart: 2 }, record: { gateways: new Map() } });
    assert.match(await drainWarnings(), /outside east: west has no healthy gateway: it will not move/);
  });
});

describe('the clock of a cluster’s agent', () => {
  const severity = (clockSkewMillis: number) =>
    clockConditions({ ...emptyRecord('east', 0), clockSkewMillis })[0]?.severity;

  it('is a warning beyond 30 s of difference to the hub’s, and an error beyond 60 s', () => {
    for (const sign of [1, -1])
      assert.deepEqual(
        [29_999, 30_000, 30_001, 59_999, 60_000, 60_001].map((off) => severity(sign * off)),
        [undefined, undefined, 'WARNING', 'WARNING', 'WARNING', 'ERROR'],
      );
  });

  it('is among the conditions of the cluster, with which way it is off', async () => {
    const hub = await Federation.start('east');
    hub.report('east', { record: { clockSkewMillis: -90_000 } });
    const [condition] = conditionsOf(hub.now, 'east');
    assert.equal(condition?.reason, 'CLOCK_SKEWED');
    assert.match(condition.message, /90 s behind the hub's/);
    hub.end();
  });
});
