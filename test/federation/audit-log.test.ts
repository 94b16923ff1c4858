import assert from 'node:assert/strict';
import { execute, parse } from 'graphql';
import { apiSchema } from '@isthmus/federation/graphql/schema.ts';
import { executeFailover } from '@isthmus/federation/failover/commands.ts';
import { simulate } from '@isthmus/federation/failover/plan.ts';
import { Plans } from '@isthmus/federation/failover/plans.ts';
import { applyPolicy } from '@isthmus/federation/policy/access-policy.ts';
import { drainCluster, undrainCluster } from '@isthmus/federation/registry/drain.ts';
import { createJoinToken, join } from '@isthmus/federation/registry/join-tokens.ts';
import { byHub } from '@isthmus/federation/command/run.ts';
import { sweep } from '@isthmus/federation/registry/sweep.ts';
import { AuditLog } from '@isthmus/federation/store/audit-log.ts';
import type { AuditRecord } from '@isthmus/federation/store/audit.ts';
import { Federation } from '../fakes/federation.ts';

const drain = { cluster: 'east', percent: 30, scope: 'ALL' as const, deadline: undefined };
const policy = (ports: readonly number[]) => ({
  kind: 'accessPolicy' as const,
  name: 'p',
  effect: 'DENY' as const,
  target: { clusters: [], namespace: 'shop', labels: {} },
  rules: [{ principals: [], namespaces: [], ports }],
});
type State = Record<string, Record<string, unknown> | null>;

describe('the audit log', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east', 'west');
  });
  afterEach(() => hub.end());
  const newest = async (over: object = {}): Promise<AuditRecord> => {
    hub.runner.attempts.flush();
    const [one] = (await hub.store.audit({ limit: 1, ...over })).records;
    assert.ok(one);
    return one;
  };

  it('has of a drain its whole input, and the share before and after', async () => {
    await hub.run(drainCluster, drain, { reason: 'upgrade', asked: { ...drain, reason: 'upgrade' } });
    const one = await newest();
    const { outcome, actor, action, subject, reason, input, errors, revision } = one;
    assert.deepEqual(
      { outcome, actor, action, subject, reason, input, errors, revision },
      {
        outcome: 'DONE',
        actor: 'admin',
        action: 'drainCluster',
        subject: 'cluster/east',
        reason: 'upgrade',
        errors: [],
        revision: hub.now.intent.revision,
        input: { cluster: 'east', percent: 30, scope: 'ALL', reason: 'upgrade' },
      },
    );
    const [before, after] = [one.before as State, one.after as State];
    assert.equal(before['cluster/east']?.['drainPercent'], 0);
    assert.equal(after['cluster/east']?.['drainPercent'], 30);
    const at = new Date(hub.clock.now()).toISOString();
    assert.deepEqual(after['cluster/east']['drainedBy'], { actor: 'admin', reason: 'upgrade', at });
    const operation = Object.keys(after).find((key) => key.startsWith('operation/')) ?? '';
    assert.deepEqual([before[operation], after[operation]?.['type']], [null, 'DRAIN_CLUSTER']);
  });

  it('has of a policy that is applied again the rules before and after', async () => {
    await hub.run(applyPolicy, policy([80]));
    assert.deepEqual((await newest()).before, { 'accessPolicy/p': null });
    await hub.run(applyPolicy, policy([80, 443]));
    const { input, before, after } = await newest();
    assert.deepEqual(input, policy([80, 443]));
    assert.deepEqual(before, { 'accessPolicy/p': policy([80]) });
    assert.deepEqual(after, { 'accessPolicy/p': policy([80, 443]) });
  });

  it('has of a failover what it moves, and of one whose plan is stale why it was refused', async () => {
    for (const cluster of ['east', 'west']) hub.report(cluster, { services: { cart: 2 } });
    const plan = { from: { cluster: 'east' }, services: [], percent: 40, scope: 'ALL' as const };
    const simulated = simulate(hub.now, { ...plan, expiresAt: undefined }, hub.clock.now());
    assert.ok(simulated.ok, JSON.stringify(simulated));
    const plans = new Plans(hub.clock);
    const planId = hub.random.id();
    plans.keep(planId, simulated.value);
    const input = { planId, plan };
    await hub.run(executeFailover(plans), { planId });
    const done = await newest();
    const after = Object.entries(done.after as State).find(([key]) => key.startsWith('failover/'))?.[1];
    assert.deepEqual([after?.['percent'], after?.['services'], done.input], [40, ['shop/cart'], input]);
    await hub.run(drainCluster, drain);
    await hub.run(executeFailover(plans), { planId });
    const refused = await newest();
    assert.deepEqual(
      [refused.outcome, refused.code, refused.subject, refused.input, refused.errors[0]?.field],
      ['REFUSED', 'PLAN_STALE', `plan/${planId}`, input, ['planId']],
    );
  });

  it('has a dry run as such, with what it would change, and nothing is changed', async () => {
    const { revision } = hub.now.intent;
    await hub.run(drainCluster, drain, { dryRun: true });
    const { outcome, before, after, ...one } = await newest();
    assert.deepEqual([outcome, one.revision, hub.now.intent.revision], ['DRY_RUN', revision, revision]);
    assert.equal((before as State)['cluster/east']?.['drainPercent'], 0);
    assert.equal((after as State)['cluster/east']?.['drainPercent'], 30);
    assert.equal(hub.now.intent.clusters.get('east')?.value.drainPercent, 0);
  });

  for (const [what, code, run] of [
    ['an input that is not valid', 'INVALID', () => hub.run(drainCluster, { ...drain, percent: 101 })],
    ['a conflict', 'CONFLICT', () => hub.run(undrainCluster, { cluster: 'east' })],
    ['another revision', 'STALE_REVISION', () => hub.run(drainCluster, drain, { expectedRevision: 99 })],
  ] as const)
    it(`has an attempt that was refused for ${what}, with code, message and input`, async () => {
      await run();
      const { outcome, subject, errors, before, after, ...one } = await newest();
      assert.deepEqual([outcome, one.code, subject], ['REFUSED', code, 'cluster/east']);
      const [error, ...others] = errors;
      assert.deepEqual([error?.code, error?.message === '', others], [code, false, []]);
      assert.equal((one.input as { cluster: string }).cluster, 'east');
      assert.deepEqual([before, after], [{}, {}]);
    });

  it('has a caller whose role does not suffice, with what it asked for, and nothing is changed', async () => {
    const { revision } = hub.now.intent;
    const input = { cluster: 'east', percent: 30, reason: 'why' };
    const { errors } = await execute({
      schema: apiSchema(),
      document: parse('mutation($input: DrainClusterInput!) { drainCluster(input: $input) { revision } }'),
      variableValues: { input },
      contextValue: { snapshot: hub.now, runner: hub.runner, viewer: 'vera', roles: ['VIEWER'] },
    });
    assert.equal(errors?.[0]?.extensions['code'], 'DENIED');
    const { outcome, actor, action, code, input: asked } = await newest();
    assert.deepEqual([outcome, actor, action, code], ['DENIED', 'vera', 'drainCluster', 'DENIED']);
    assert.deepEqual(asked, { ...input, scope: 'ALL', dryRun: false, idempotencyKey: '' });
    assert.equal(hub.now.intent.revision, revision);
  });

  it('has what was so already, and a repeat of a key, as unchanged', async () => {
    await hub.run(applyPolicy, policy([80]), { idempotencyKey: 'k' });
    await hub.run(applyPolicy, policy([80]));
    assert.equal((await newest()).outcome, 'UNCHANGED');
    await hub.run(applyPolicy, policy([80]), { idempotencyKey: 'k', reason: 'again' });
    const { outcome, reason, subject } = await newest();
    assert.deepEqual([outcome, reason, subject], ['UNCHANGED', 'again', 'policy/p']);
    const done = await hub.store.audit({ limit: 9, action: 'applyPolicy', outcomes: ['DONE'] });
    assert.equal(done.total, 1);
  });

  it('keeps the system’s own steps apart, and has nothing of those that were not due', async () => {
    await hub.run(createJoinToken, { cluster: 'north', lifetime: 60_000 });
    await hub.pass(61_000);
    await hub.run(sweep, {}, byHub('its time is over'));
    await hub.run(sweep, {}, byHub('its time is over'));
    assert.equal((await newest()).action, 'createJoinToken');
    const { action, actor, system, reason } = await newest({ system: true });
    assert.deepEqual([action, actor, system, reason], ['sweep', 'hub', true, 'its time is over']);
    assert.equal((await hub.store.audit({ limit: 9, system: true, actor: 'hub' })).total, 1);
  });

  it('matches a join with the token that it used by the hash of its secret, and has the secret nowhere', async () => {
    const created = await hub.run(createJoinToken, { cluster: 'north', lifetime: 60_000 });
    assert.ok(created.ok && created.payload.token !== null);
    const ticket = Buffer.from(created.payload.token.split('.')[2] ?? '', 'base64url').toString();
    const { secret } = JSON.parse(ticket) as { secret: string };
    const made = await newest();
    await hub.run(join, { cluster: 'north', secret, key: 'k' }, { actor: 'agent/north', audited: 'CHANGES' });
    const joined = await newest();
    const [token] = Object.values(made.after as State);
    assert.equal((joined.input as { secret: string }).secret, token?.['secretHash']);
    const whole = JSON.stringify(await hub.store.audit({ limit: 100, system: true }));
    assert.ok(!whole.includes(secret) && !whole.includes(created.payload.token));
    await hub.run(drainCluster, { ...drain, percent: 0 }, { reason: `with ${created.payload.token}` });
    assert.match((await newest()).reason, /^with sha256:[0-9a-f]{64}$/);
  });

  it('keeps an entry whose bytes reach the limit of its kind, and not one byte more', () => {
    const head = { at: 1, lastAt: 1, count: 1, actor: 'a', action: 'b', subject: '', code: '', revision: 1 };
    const entry = { ...head, outcome: 'REFUSED' as const, system: false };
    const headBytes = Buffer.byteLength(JSON.stringify({ ...entry, number: 1 }));
    const none = { entries: 9, bytes: 0 };
    for (const [body, kept] of [
      [99, 1],
      [100, 1],
      [101, 0],
    ] as const) {
      const attempts = { entries: 9, bytes: headBytes + 100 };
      const log = new AuditLog({ changes: none, system: none, malformed: none, denied: none, attempts });
      const { drop } = log.append(entry, body);
      assert.deepEqual([log.find({ limit: 9 }).total, drop.length], [kept, 1 - kept]);
    }
  });
});
