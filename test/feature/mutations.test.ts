import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

interface Payload {
  readonly userErrors: readonly { code: string; message: string }[];
  readonly revision: number | null;
}

/** A mutation that can be carried out now: its input, and the revision of the object that it is about. */
interface Case {
  readonly type: string;
  /** Makes the world so, and gives the input. */
  prepare(): object | Promise<object>;
  /** Revision of the object, as a query on `revision`; absent: it is not there yet. */
  readonly revision?: string;
  /** What a second one under another key is refused with; absent: it can be done again. */
  readonly again?: string;
}

describe('every mutation', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
  let hub: TestHub;
  const agents: TestAgent[] = [];
  // The same after a restart, and another one for another run of the tests on this machine.
  const octet = 200 + (process.pid % 20);
  const start = async () => (hub = await startTestHub({ octet, stateDir, store: 'sqlite' }));

  before(async () => {
    await start();
    for (const [i, name] of ['east', 'west', 'gone'].entries()) {
      const agent = new TestAgent(name, `127.${octet}.16.${i + 1}`);
      agents.push(agent);
      await agent.join(hub);
      agent.service('cart').gateway().connect();
      await until(async () => (await stateOf(name)) === 'ACTIVE');
    }
    await until(async () => {
      const query = '{ service(namespace: "shop", name: "cart") { clusters { healthy } } }';
      const { data } = await hub.ask<{ service: { clusters: { healthy: number }[] } | null }>(query);
      return data!.service?.clusters.filter(({ healthy }) => healthy === 2).length === 3;
    });
  });
  after(async () => {
    for (const agent of agents) agent.end();
    await hub.stop();
    rmSync(stateDir, { recursive: true });
  });

  const ask = async <T>(query: string, variables: object = {}): Promise<T> => {
    const { data, errors } = await hub.ask<T>(query, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data!;
  };
  const stateOf = async (name: string) =>
    (await ask<{ cluster: { state: string } }>(`{ cluster(name: "${name}") { state } }`)).cluster.state;
  const run = async (name: string, { type }: Case, input: object): Promise<Payload> =>
    (
      await ask<{ result: Payload }>(
        `mutation($input: ${type}!) { result: ${name}(input: $input) { revision userErrors { code message } } }`,
        { input },
      )
    ).result;
  const service = { namespace: 'shop', name: 'cart' };
  const plan = async () => {
    const query =
      '{ simulateFailover(input: { from: { cluster: "east" } }) { planId userErrors { message } } }';
    const made = await ask<{ simulateFailover: { planId: string | null } }>(query);
    assert.ok(made.simulateFailover.planId);
    return { planId: made.simulateFailover.planId };
  };
  let failover = '';
  const access = { name: 'p', effect: 'DENY', target: { namespace: 'shop' }, rules: [{ ports: [80] }] };
  const clusterOf = (name: string) => `{ at: cluster(name: "${name}") { revision } }`;

  const cases: Record<string, Case> = {
    createJoinToken: { type: 'CreateJoinTokenInput', prepare: () => ({ cluster: 'north' }) },
    revokeJoinToken: {
      type: 'RevokeJoinTokenInput',
      prepare: () => ({ cluster: 'north' }),
      again: 'NOT_FOUND',
    },
    applyPolicy: { type: 'ApplyPolicyInput', prepare: () => ({ policy: { access } }) },
    deletePolicy: {
      type: 'DeletePolicyInput',
      prepare: () => ({ name: 'p' }),
      revision: '{ at: policy(name: "p") { revision } }',
      again: 'NOT_FOUND',
    },
    setTrafficPolicy: {
      type: 'SetTrafficPolicyInput',
      prepare: () => ({ service, localityOrder: ['CLUSTER'] }),
    },
    approveExport: {
      type: 'ApproveExportInput',
      prepare: () => ({ service, clusters: ['east', 'west'] }),
    },
    deleteTrafficPolicy: {
      type: 'DeleteTrafficPolicyInput',
      prepare: () => ({ service }),
      again: 'NOT_FOUND',
    },
    exportService: { type: 'ExportServiceInput', prepare: () => ({ service }) },
    unexportService: {
      type: 'UnexportServiceInput',
      prepare: () => ({ service }),
      again: 'NOT_FOUND',
    },
    drainCluster: {
      type: 'DrainClusterInput',
      prepare: () => ({ cluster: 'west', percent: 30 }),
      revision: clusterOf('west'),
    },
    undrainCluster: {
      type: 'ClusterInput',
      prepare: () => ({ cluster: 'west' }),
      revision: clusterOf('west'),
      again: 'CONFLICT',
    },
    executeFailover: { type: 'ExecuteFailoverInput', prepare: plan, again: 'PLAN_STALE' },
    undoFailover: {
      type: 'UndoFailoverInput',
      prepare: () => ({ id: failover }),
      again: 'CONFLICT',
    },
    setClusterNamespaces: {
      type: 'SetClusterNamespacesInput',
      prepare: () => ({ cluster: 'west', namespaces: ['shop'] }),
      revision: clusterOf('west'),
    },
    revokeCluster: {
      type: 'ClusterInput',
      prepare: () => ({ cluster: 'gone' }),
      revision: clusterOf('gone'),
      again: 'CONFLICT',
    },
    removeCluster: {
      type: 'ClusterInput',
      prepare: () => ({ cluster: 'gone' }),
      revision: clusterOf('gone'),
      again: 'NOT_FOUND',
    },
  };

  it('is in this table', async () => {
    const { type } = (
      await ask<{ __schema: { mutationType: { type: { name: string }[] } } }>(
        '{ __schema { mutationType { type: fields { name } } } }',
      )
    ).__schema.mutationType;
    assert.deepEqual(type.map(({ name }) => name).sort(), Object.keys(cases).sort());
  });

  const head = async () =>
    (await ask<{ viewer: { revision: number } }>('{ viewer { revision } }')).viewer.revision;
  const auditOf = async (action: string) =>
    (
      await ask<{ auditLog: { nodes: { action: string; reason: string }[] } }>(
        '{ auditLog(first: 100, filter: { outcomes: [DONE] }) { nodes { action reason } } }',
      )
    ).auditLog.nodes.filter((one) => one.action === action && one.reason === `for ${action}`).length;

  for (const [name, one] of Object.entries(cases))
    it(`${name} changes nothing in a dry run or at another revision, and once under one key`, async () => {
      const input = { ...(await one.prepare()), reason: `for ${name}` };
      const dry = await run(name, one, { ...input, dryRun: true, idempotencyKey: `key of ${name}` });
      assert.deepEqual(dry.userErrors, []);
      const stale = await run(name, one, { ...input, expectedRevision: 9999 });
      assert.deepEqual(
        stale.userErrors.map(({ code }) => code),
        ['STALE_REVISION'],
      );
      assert.equal(await auditOf(name), 0);

      const seen = one.revision
        ? (await ask<{ at: { revision: number } }>(one.revision)).at.revision
        : undefined;
      const keyed = { ...input, expectedRevision: seen, idempotencyKey: `key of ${name}` };
      const [first, twin] = await Promise.all([run(name, one, keyed), run(name, one, keyed)]);
      assert.deepEqual([first.userErrors, twin.userErrors], [[], []]);
      assert.ok(first.revision && first.revision <= (await head()));
      assert.equal(twin.revision, first.revision);
      assert.equal(await auditOf(name), 1);
      const other = await run(name, one, { ...keyed, expectedRevision: 1 });
      assert.deepEqual(
        other.userErrors.map(({ code }) => code),
        ['CONFLICT'],
      );
      if (one.again !== undefined) {
        const again = await run(name, one, { ...input, idempotencyKey: 'another' });
        assert.deepEqual(
          again.userErrors.map(({ code }) => code),
          [one.again],
        );
        assert.equal(await auditOf(name), 1);
      }
      if (name === 'executeFailover') failover = await newestFailover();
    });

  const newestFailover = async (): Promise<string> => {
    const query = '{ operations(first: 100) { nodes { type subject } } }';
    const { operations } = await ask<{ operations: { nodes: { type: string; subject: string }[] } }>(query);
    return operations.nodes.find(({ type }) => type === 'EXECUTE_FAILOVER')!.subject.replace('failover:', '');
  };

  it('is answered alike after the hub was started again, and is in the audit', async () => {
    const keyed = { policy: { access }, reason: 'for applyPolicy', idempotencyKey: 'key of applyPolicy' };
    const before = await auditOf('applyPolicy');
    await hub.stop();
    await start();
    const payload = await run('applyPolicy', cases['applyPolicy']!, keyed);
    assert.deepEqual(payload.userErrors, []);
    assert.ok((payload.revision ?? 0) < (await head()));
    assert.equal(await auditOf('applyPolicy'), before);
  });
});
