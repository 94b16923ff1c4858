import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { linkIdentity } from '../../cluster-agent/link/identity.ts';
import { TestAgent } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

interface Entry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string;
  readonly outcome: string;
  readonly count: number;
  readonly system: boolean;
  readonly input: Record<string, unknown> | null;
  readonly before: Record<string, Record<string, unknown> | null>;
  readonly after: Record<string, Record<string, unknown> | null>;
  readonly errors: readonly { code: string; field: readonly string[]; message: string }[];
  readonly revision: number;
}

const fields =
  'id at lastAt count actor action subject reason outcome system input before after errors { code field message } omitted { path bytes sha256 } revision';

describe('the audit log through GraphQL', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-hub-'));
  const agentDir = mkdtempSync(join(tmpdir(), 'isthmus-agent-'));
  const octet = 220 + (process.pid % 20);
  let hub: TestHub;
  const start = async () => (hub = await startTestHub({ octet, stateDir, store: 'sqlite' }));
  before(start);
  after(async () => {
    await hub.stop();
    for (const dir of [stateDir, agentDir]) rmSync(dir, { recursive: true });
  });

  const ask = async <T>(query: string, variables: object = {}): Promise<T> => {
    const { data, errors } = await hub.ask<T>(query, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data!;
  };
  const log = async (filter: object = {}, first = 100): Promise<readonly Entry[]> => {
    const query = `query($first: Int!, $filter: AuditFilter) { auditLog(first: $first, filter: $filter) { nodes { ${fields} } } }`;
    return (await ask<{ auditLog: { nodes: Entry[] } }>(query, { first, filter })).auditLog.nodes;
  };
  const mutate = (name: string, type: string, input: object) =>
    ask<{ result: { userErrors: { code: string }[]; token?: string } }>(
      `mutation($input: ${type}!) { result: ${name}(input: $input) { userErrors { code }${name === 'createJoinToken' ? ' token' : ''} } }`,
      { input },
    );
  const secrets: string[] = [];
  const newToken = async (cluster: string) => {
    const token = (await mutate('createJoinToken', 'CreateJoinTokenInput', { cluster })).result.token ?? '';
    const ticket = JSON.parse(Buffer.from(token.split('.')[2] ?? '', 'base64url').toString()) as object;
    secrets.push(token, (ticket as { secret: string }).secret);
    return { token, ticket };
  };
  const joinWith = (cluster: string, ticket: object) => {
    const tokenFile = join(agentDir, 'token');
    const text = `isthmus-join.v1.${Buffer.from(JSON.stringify(ticket)).toString('base64url')}`;
    writeFileSync(tokenFile, text);
    const localAddress = `127.${octet}.16.9`;
    return linkIdentity({
      cluster,
      stateDir: agentDir,
      tokenFile,
      localAddress,
      clock: systemClock,
      random: systemRandom,
    });
  };

  it('has the whole input as it was sent, defaults too, and before and after by object', async () => {
    const access = { name: 'p', effect: 'DENY', target: { namespace: 'shop' }, rules: [{ ports: [80] }] };
    await mutate('applyPolicy', 'ApplyPolicyInput', { policy: { access }, reason: 'why' });
    const [one] = await log();
    assert.deepEqual(one?.input, {
      policy: {
        access: {
          ...access,
          target: { clusters: [], namespace: 'shop', labels: [] },
          rules: [{ principals: [], namespaces: [], ports: [80] }],
        },
      },
      dryRun: false,
      idempotencyKey: '',
      reason: 'why',
    });
    assert.deepEqual(one.before, { 'accessPolicy/p': null });
    assert.deepEqual(one.after['accessPolicy/p']?.['rules'], [
      { principals: [], namespaces: [], ports: [80] },
    ]);
    assert.deepEqual([one.outcome, one.system, one.count, one.reason], ['DONE', false, 1, 'why']);
  });

  it('has who was denied at the API, once for all attempts of ten minutes, and not what was sent', async () => {
    secrets.push('canary-of-a-wrong-token');
    for (let i = 0; i < 3; i++)
      await hub.post('{"query":"{ __typename }"}', { authorization: 'Bearer canary-of-a-wrong-token' });
    const [one, ...others] = await log({ outcomes: ['DENIED'] });
    assert.deepEqual(others, []);
    assert.deepEqual(
      [one?.actor, one?.action, one?.count, one?.errors[0]?.code, one?.input],
      ['127.0.0.1', 'authenticate', 3, 'UNAUTHENTICATED', null],
    );
  });

  describe('has a mutation that GraphQL itself refused', () => {
    const newest = async (over: object = {}) => (await log({ outcomes: ['REFUSED'], ...over }))[0];
    const refused = async (query: string, variables: object = {}, rest: object = {}) => {
      const answer = await hub.post(JSON.stringify({ query, variables, ...rest }));
      const { errors } = (await answer.json()) as { errors?: unknown[] };
      assert.ok(errors && errors.length > 0, query);
      return newest();
    };
    const drain = 'mutation($input: DrainClusterInput!) { drainCluster(input: $input) { revision } }';

    it('for a variable that does not fit, with its input', async () => {
      const input = { cluster: 'east', percent: 'half', reason: 'upgrade' };
      const one = await refused(drain, { input });
      assert.deepEqual(
        [one?.actor, one?.action, one?.outcome, one?.reason, one?.input],
        ['admin', 'drainCluster', 'REFUSED', 'upgrade', input],
      );
      assert.match(one?.errors[0]?.message ?? '', /percent.*half/);
    });

    for (const [what, query, action, input] of [
      [
        'an unknown field of its input',
        'mutation { drainCluster(input: { cluster: "c1", speed: 3 }) { revision } }',
        'drainCluster',
        { cluster: 'c1', speed: 3 },
      ],
      [
        'an unknown field of its answer',
        'mutation { drainCluster(input: { cluster: "c2" }) { speed } }',
        'drainCluster',
        { cluster: 'c2' },
      ],
      [
        'a name that no mutation has',
        'mutation { dropAll(input: { a: 1 }) { revision } }',
        'mutation',
        { a: 1 },
      ],
      [
        'a mutation in a fragment',
        'mutation { ...F } fragment F on Mutation { drainCluster(input: { cluster: "c3", b: 1 }) { revision } }',
        'drainCluster',
        { cluster: 'c3', b: 1 },
      ],
    ] as const)
      it(`for ${what}`, async () => {
        const one = await refused(query);
        assert.deepEqual([one?.action, one?.input], [action, input]);
        assert.equal(one?.errors[0]?.code, 'GRAPHQL_VALIDATION_FAILED');
      });

    it('for a variable that is null where the argument is not, beside one that was carried out', async () => {
      const query = `mutation($c: DrainClusterInput = { cluster: "y" }) {
        a: undrainCluster(input: { cluster: "absent" }) { userErrors { code } }
        b: drainCluster(input: $c) { userErrors { code } } }`;
      await refused(query, { c: null });
      const [one, other] = await log({ outcomes: ['REFUSED'] });
      assert.deepEqual([one?.action, other?.action], ['drainCluster', 'undrainCluster']);
      assert.deepEqual(
        [one?.errors[0]?.code, other?.errors[0]?.code],
        ['GRAPHQL_VALIDATION_FAILED', 'NOT_FOUND'],
      );
    });

    it('for an operation that the document does not have', async () => {
      const query = 'mutation A { drainCluster(input: { cluster: "c4" }) { revision } }';
      const one = await refused(query, {}, { operationName: 'B' });
      assert.deepEqual([one?.action, one?.input], ['drainCluster', { cluster: 'c4' }]);
    });

    it('for the method GET', async () => {
      const query = 'mutation { drainCluster(input: { cluster: "c5" }) { revision } }';
      const url = `${hub.url}?query=${encodeURIComponent(query)}`;
      await (await fetch(url, { headers: { authorization: `Bearer ${hub.token}` } })).text();
      assert.deepEqual((await newest())?.input, { cluster: 'c5' });
    });

    it('for more aliases than are allowed', async () => {
      const one = 'drainCluster(input: { cluster: "c6" }) { revision }';
      const many = Array.from({ length: 51 }, (_, i) => `a${i}: ${one}`).join(' ');
      assert.deepEqual((await refused(`mutation { ${many} }`))?.input, { cluster: 'c6' });
    });

    it('for a text that cannot be parsed, by its hash', async () => {
      const query = 'mutation { drainCluster(input: { password: "canary-in-a-text" ';
      const one = await refused(query);
      assert.equal(one?.errors[0]?.code, 'GRAPHQL_PARSE_FAILED');
      assert.match(one.errors[0].message, /line 1, column \d+/);
      const kept = one.input?.['query'] as { bytes: number; sha256: string };
      assert.deepEqual([kept.bytes, kept.sha256.length], [query.length, 64]);
    });

    it('with secrets as hashes, also those that its errors quote', async () => {
      const input = { cluster: 'c7', password: 'canary-in-a-variable', percent: 'half' };
      const one = await refused(drain, { input });
      assert.match(String(one?.input?.['password']), /^sha256:/);
      assert.match(one?.errors[0]?.message ?? '', /left out/);
    });

    it('nested deeper than a stack is', async () => {
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
      const answer = await hub.post(`{"query":${JSON.stringify(drain)},"variables":{"input":${deep}}}`);
      assert.ok(answer.status < 500, `status ${answer.status}`);
      assert.match(JSON.stringify((await newest())?.input), /more than 20 levels/);
    });

    it('without the secrets that were in it', async () => {
      const whole = JSON.stringify(await log());
      assert.match(whole, /left out/);
      assert.doesNotMatch(whole, /canary-in-/);
    });

    it('and nothing of a query that was refused', async () => {
      const before = (await newest())?.id;
      for (const query of ['{ clusters { speed } }', '{ clusters(', 'subscription { nothing }'])
        await hub.ask(query);
      assert.equal((await newest())?.id, before);
    });
  });

  it('has who was denied to join, and who joined, by the hash of the secret', async () => {
    const { ticket } = await newToken('north');
    secrets.push('canary-of-a-wrong-secret');
    await assert.rejects(joinWith('north', { ...ticket, secret: 'canary-of-a-wrong-secret' }));
    const [denied] = await log({ action: 'join' });
    assert.deepEqual(
      [denied?.outcome, denied?.subject, denied?.actor, denied?.errors[0]?.code],
      ['DENIED', 'cluster/north', `127.${octet}.16.9`, 'TOKEN_UNKNOWN'],
    );
    await joinWith('north', ticket);
    const [joined] = await log({ action: 'join', outcomes: ['DONE'] });
    const [created] = await log({ action: 'createJoinToken' });
    assert.deepEqual([joined?.actor, joined?.system], ['agent/north', false]);
    const token = Object.entries(created?.after ?? {}).find(([key]) => key.startsWith('joinToken/'))?.[1];
    assert.equal(joined?.input?.['secret'], token?.['secretHash']);
  });

  it('has an agent that was denied the link', async () => {
    const agent = new TestAgent('west', `127.${octet}.16.10`);
    await agent.join(hub);
    await mutate('revokeCluster', 'ClusterInput', { cluster: 'west' });
    agent.connect();
    const found = async (): Promise<Entry> => {
      for (;;) {
        const [one] = await log({ action: 'link' });
        if (one) return one;
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    };
    const one = await found();
    agent.end();
    assert.deepEqual(
      [one.outcome, one.actor, one.errors[0]?.code],
      ['DENIED', `127.${octet}.16.10`, 'PERMISSION_DENIED'],
    );
  });

  it('shows the system’s own steps only when they are asked for', async () => {
    assert.ok((await log()).every(({ system }) => !system));
    const steps = (await log({ system: true })).filter(({ system }) => system);
    assert.ok(steps.some(({ action, actor }) => action === 'foundHub' && actor === 'hub'));
  });

  it('refuses a filter and a cursor that can match nothing', async () => {
    const filter = { since: '2030-01-02T00:00:00Z', until: '2030-01-01T00:00:00Z' };
    const query = 'query($filter: AuditFilter) { auditLog(filter: $filter) { totalCount } }';
    const { errors } = await hub.ask(query, { filter });
    assert.equal(errors?.[0]?.extensions?.code, 'INVALID');
    const bad = await hub.ask('{ auditLog(after: "garbage") { totalCount } }');
    assert.equal(bad.errors?.[0]?.extensions?.code, 'INVALID');
  });

  it('has no secret, wherever one was put, nor has the store', async () => {
    const { token } = await newToken('south');
    secrets.push(hub.token);
    const reason = `with ${token} and ${hub.token}`;
    await mutate('revokeJoinToken', 'RevokeJoinTokenInput', { id: token, reason });
    await mutate('revokeJoinToken', 'RevokeJoinTokenInput', { cluster: hub.token, reason, dryRun: true });
    const access = {
      name: 'q',
      effect: 'DENY',
      target: { namespace: 'shop', labels: [{ key: 'a', value: hub.token }] },
    };
    await mutate('applyPolicy', 'ApplyPolicyInput', { policy: { access: { ...access, rules: [] } }, reason });
    await mutate('drainCluster', 'DrainClusterInput', { cluster: 'north', percent: 30, reason });
    await hub.ask('mutation($input: ClusterInput!) { revokeCluster(input: $input) { unchanged } }', {
      input: { cluster: token },
    });
    const whole = JSON.stringify(await log({ system: true }));
    for (const text of ['revokeJoinToken', 'foundHub']) assert.ok(whole.includes(text), text);
    const onDisk = readdirSync(stateDir)
      .filter((name) => name.startsWith('hub.db'))
      .map((name) => readFileSync(join(stateDir, name), 'latin1'));
    assert.ok(onDisk.some((text) => text.includes('revokeJoinToken')));
    for (const secret of [...secrets, 'PRIVATE KEY'])
      for (const text of [whole, ...onDisk]) assert.ok(!text.includes(secret), secret.slice(0, 20));
  });

  it('is there after the hub was started again', async () => {
    const before = await log({ system: true });
    await hub.stop();
    await start();
    const after = await log({ system: true });
    assert.ok(before.length > 10);
    assert.deepEqual(after.slice(-before.length), before);
  });
});
