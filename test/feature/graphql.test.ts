import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { statusOf, sendMany } from '../fakes/request-lines.ts';

interface Payload {
  readonly userErrors: readonly { code: string; field: readonly string[]; message: string }[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly revision: number | null;
}

const common = 'warnings { code field message } revision userErrors { code field message }';
const apply = `mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { policy { name revision } ${common} } }`;
const token = `mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token expiresAt ${common} } }`;

const policy = (access: object) => ({
  policy: {
    access: { name: 'p', effect: 'DENY', target: { namespace: 'shop' }, rules: [{ ports: [80] }], ...access },
  },
});

/** The first of what is answered, which then is left. */
async function peek(response: Response): Promise<string> {
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

describe('GraphQL over HTTP', () => {
  let hub: TestHub;
  before(async () => {
    hub = await startTestHub();
  });
  after(() => hub.stop());

  const mutate = async (query: string, input: object): Promise<Payload & Record<string, unknown>> => {
    const { data, errors } = await hub.ask<{ result: Payload & Record<string, unknown> }>(query, { input });
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data!.result;
  };
  const revision = async () =>
    (await hub.ask<{ viewer: { revision: number } }>('{ viewer { revision } }')).data!.viewer.revision;

  it('answers nothing without the token, and says what is missing', async () => {
    for (const headers of [
      { authorization: '' },
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic eA==' },
    ]) {
      const response = await hub.post('{"query":"{ __typename }"}', headers);
      assert.equal(response.status, 401);
      assert.match(await response.text(), /UNAUTHENTICATED/);
    }
  });

  it('answers 400 for request lines that cannot be read, before it asks who calls', async () => {
    const { hostname, port } = new URL(hub.url);
    for (const target of ['//', '///', '/\\', '//a:99999/', '*', 'graphql'])
      assert.equal(
        await statusOf(hostname, Number(port), Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)),
        400,
        target,
      );
  });

  it('lives through 10,000 request lines with and without its token, whatever they are', async function () {
    this.timeout(120_000);
    const { hostname, port } = new URL(hub.url);
    const statuses = await sendMany(hostname, Number(port), 10_000, `Bearer ${hub.token}`);
    assert.ok((statuses.get(400) ?? 0) > 1000, JSON.stringify([...statuses]));
    assert.equal((await hub.post('{"query":"{ __typename }"}')).status, 200);
  });

  it('keeps the admin token in a private file', async () => {
    const { statSync } = await import('node:fs');
    assert.equal(statSync(`${hub.stateDir}/admin-token`).mode & 0o777, 0o600);
  });

  it('stores a policy, gives it by name and global id, and deletes it', async () => {
    const stored = await mutate(apply, policy({ name: 'by-name' }));
    assert.deepEqual(stored.userErrors, []);
    const { data } = await hub.ask<{ policy: { id: string; effect: string; revision: number } }>(
      '{ policy(name: "by-name") { id effect revision } }',
    );
    assert.equal(data!.policy.revision, stored.revision);
    const node = await hub.ask<{ node: { name: string } }>(
      'query($id: ID!) { node(id: $id) { ... on AccessPolicy { name } } }',
      { id: data!.policy.id },
    );
    assert.equal(node.data!.node.name, 'by-name');
    const remove =
      'mutation($input: DeletePolicyInput!) { result: deletePolicy(input: $input) { name userErrors { code } } }';
    assert.deepEqual((await mutate(remove, { name: 'by-name' })).userErrors, []);
    assert.equal((await mutate(remove, { name: 'by-name' })).userErrors[0]?.code, 'NOT_FOUND');
  });

  it('changes nothing in a dry run', async () => {
    const before = await revision();
    const dry = await mutate(apply, { ...policy({ name: 'dry', effect: 'ALLOW' }), dryRun: true });
    assert.deepEqual(dry.userErrors, []);
    assert.equal(await revision(), before);
    assert.equal((await hub.ask<{ policy: null }>('{ policy(name: "dry") { name } }')).data!.policy, null);
  });

  it('does once what is sent twice with one key, and refuses the key for another input', async () => {
    const first = await mutate(apply, { ...policy({ name: 'once' }), idempotencyKey: 'k1' });
    const again = await mutate(apply, { ...policy({ name: 'once' }), idempotencyKey: 'k1' });
    assert.equal(again.revision, first.revision);
    assert.equal(await revision(), first.revision);
    const other = await mutate(apply, { ...policy({ name: 'other' }), idempotencyKey: 'k1' });
    assert.deepEqual(other.userErrors[0]?.field, ['idempotencyKey']);
    assert.equal(other.userErrors[0].code, 'CONFLICT');
  });

  it('executes two concurrent requests with one key once, and a dry run with a used key returns its own result', async () => {
    const [one, two] = await Promise.all([
      mutate(token, { cluster: 'twin', idempotencyKey: 'twin' }),
      mutate(token, { cluster: 'twin', idempotencyKey: 'twin' }),
    ]);
    assert.equal(one.revision, two.revision);
    assert.deepEqual([one['token'] === null, two['token'] === null].sort(), [false, true]);
    const dry = await mutate(apply, { ...policy({ name: 'other' }), idempotencyKey: 'k1', dryRun: true });
    assert.deepEqual(dry.userErrors, []);
    const later = { ...policy({ name: 'once' }), idempotencyKey: 'k1', expectedRevision: 1 };
    assert.equal((await mutate(apply, later)).userErrors[0]?.code, 'CONFLICT');
  });

  it('refuses a cursor of the audit that is none', async () => {
    const { errors } = await hub.ask('{ auditLog(after: "garbage") { totalCount } }');
    assert.equal(errors?.[0]?.extensions?.code, 'INVALID');
  });

  it('shows a join token once, keeps no copy, and pages lists', async () => {
    const first = await mutate(token, { cluster: 'north', idempotencyKey: 't1' });
    assert.match(String(first['token']), /^isthmus-join\.v1\./);
    assert.equal((await mutate(token, { cluster: 'north', idempotencyKey: 't1' }))['token'], null);
    const { data } = await hub.ask<{
      auditLog: { nodes: object[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    }>('{ auditLog(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } } }');
    assert.equal(data!.auditLog.nodes.length, 1);
    assert.equal(data!.auditLog.pageInfo.hasNextPage, true);
    const next = await hub.ask<{ auditLog: { nodes: object[] } }>(
      'query($after: String) { auditLog(first: 1, after: $after) { nodes { id } } }',
      { after: data!.auditLog.pageInfo.endCursor },
    );
    assert.notDeepEqual(next.data!.auditLog.nodes, data!.auditLog.nodes);
  });

  const refusals: Record<string, { query: string; input: object; code: string; field: string }> = {
    'a policy that names no such trust domain': {
      query: apply,
      input: policy({ rules: [{ principals: ['td-b/ns/a/sa/b'] }] }),
      code: 'NOT_FOUND',
      field: 'policy.access.rules.0.principals.0',
    },
    'a policy that names no such cluster': {
      query: apply,
      input: policy({ target: { namespace: 'shop', clusters: ['nowhere'] } }),
      code: 'NOT_FOUND',
      field: 'policy.access.target.clusters.0',
    },
    'a principal with its scheme': {
      query: apply,
      input: policy({ rules: [{ principals: ['spiffe://cluster.local/ns/a/sa/b'] }] }),
      code: 'INVALID',
      field: 'policy.access.rules.0.principals.0',
    },
    'a port that is none': {
      query: apply,
      input: policy({ rules: [{ ports: [70_000] }] }),
      code: 'INVALID',
      field: 'policy.access.rules.0.ports.0',
    },
    'a policy name that is none': {
      query: apply,
      input: policy({ name: 'No Name' }),
      code: 'INVALID',
      field: 'policy.access.name',
    },
    'a DENY about nothing': {
      query: apply,
      input: policy({ rules: [] }),
      code: 'INVALID',
      field: 'policy.access.rules',
    },
    'a stale revision': {
      query: apply,
      input: { ...policy({ name: 'once' }), expectedRevision: 99 },
      code: 'STALE_REVISION',
      field: 'expectedRevision',
    },
    'a token for a name that is none': {
      query: token,
      input: { cluster: 'NORTH!' },
      code: 'INVALID',
      field: 'cluster',
    },
    'a token that lives too long': {
      query: token,
      input: { cluster: 'far', lifetimeSeconds: 1_000_000 },
      code: 'INVALID',
      field: 'lifetimeSeconds',
    },
    'a drain of no such cluster': {
      query: `mutation($input: DrainClusterInput!) { result: drainCluster(input: $input) { ${common} } }`,
      input: { cluster: 'nowhere' },
      code: 'NOT_FOUND',
      field: 'cluster',
    },
    'a drain by too much': {
      query: `mutation($input: DrainClusterInput!) { result: drainCluster(input: $input) { ${common} } }`,
      input: { cluster: 'nowhere', percent: 101 },
      code: 'INVALID',
      field: 'percent',
    },
    'a plan that nobody made': {
      query: `mutation($input: ExecuteFailoverInput!) { result: executeFailover(input: $input) { ${common} } }`,
      input: { planId: 'x' },
      code: 'PLAN_UNKNOWN',
      field: 'planId',
    },
    'an export of no such service': {
      query: `mutation($input: ExportServiceInput!) { result: exportService(input: $input) { ${common} } }`,
      input: { service: { namespace: 'a', name: 'b' } },
      code: 'NOT_FOUND',
      field: 'service',
    },
    'a revocation of no such cluster': {
      query: `mutation($input: ClusterInput!) { result: revokeCluster(input: $input) { ${common} } }`,
      input: { cluster: 'nowhere' },
      code: 'NOT_FOUND',
      field: 'cluster',
    },
    'a region failover to the same region': {
      query: `mutation($input: SetTrafficPolicyInput!) { result: setTrafficPolicy(input: $input) { ${common} } }`,
      input: {
        service: { namespace: 'a', name: 'b' },
        localityOrder: ['REGION'],
        regionFailover: [{ from: 'x', to: 'x' }],
      },
      code: 'INVALID',
      field: 'regionFailover.0',
    },
  };
  for (const [what, { query, input, code, field }] of Object.entries(refusals))
    it(`refuses ${what}, names the field, and changes nothing`, async () => {
      const before = await revision();
      const { userErrors } = await mutate(query, input);
      assert.deepEqual({ code: userErrors[0]?.code, field: userErrors[0]?.field.join('.') }, { code, field });
      assert.ok((userErrors[0]?.message.length ?? 0) > 10);
      assert.equal(await revision(), before);
    });

  const bad: Record<
    string,
    { body: string; headers?: Record<string, string>; status: number; says: RegExp }
  > = {
    'a body of 10 MB': {
      body: JSON.stringify({ query: `{ __typename } #${'x'.repeat(10 * 1024 * 1024)}` }),
      status: 413,
      says: /BODY_TOO_LARGE/,
    },
    'another content type': {
      body: 'query',
      headers: { 'content-type': 'text/plain' },
      status: 415,
      says: /application\/json/,
    },
    'an overlong query': {
      body: JSON.stringify({ query: `{ ${'clusters { totalCount } '.repeat(900)} }` }),
      status: 200,
      says: /[Tt]oken/,
    },
    'a hundred aliases': {
      body: JSON.stringify({
        query: `{ ${Array.from({ length: 100 }, (_, i) => `a${i}: __typename`).join(' ')} }`,
      }),
      status: 200,
      says: /[Aa]lias/,
    },
    'a query too deep': {
      body: JSON.stringify({
        query: `{ __schema { types { ${'fields { type { '.repeat(9)} name ${'} }'.repeat(9)} } } }`,
      }),
      status: 200,
      says: /[Dd]epth/,
    },
    'a query that costs too much': {
      body: JSON.stringify({
        query: `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: clusters(first: 100) { edges { node { gateways { network } conditions { message } nodes { name } rejections { message } workloadsByMode { count } } } }`).join(' ')} }`,
      }),
      status: 200,
      says: /[Cc]ost/,
    },
    'a field that is not there': {
      body: JSON.stringify({ query: '{ cluster(name: "a") { nam } }' }),
      status: 200,
      says: /Cannot query field/,
    },
    'no JSON at all': { body: '{', status: 400, says: /./ },
  };
  for (const [what, { body, headers, status, says }] of Object.entries(bad))
    it(`refuses ${what} with a readable error, and goes on`, async () => {
      const response = await hub.post(body, headers).catch((error: unknown) => error as Error);
      if (response instanceof Response) {
        const text = await response.text();
        assert.ok(
          response.status === status || (status === 200 && response.status === 400),
          `${response.status}: ${text.slice(0, 200)}`,
        );
        assert.match(text, says);
        assert.match(text, /errors/);
        assert.doesNotMatch(text, /Did you mean|at .*\.ts:/);
      } else assert.equal(status, 413);
      assert.equal((await hub.post('{"query":"{ __typename }"}')).status, 200);
    });

  it('carries out no mutation by GET', async () => {
    const query = encodeURIComponent('mutation { deletePolicy(input: { name: "once" }) { name } }');
    const response = await fetch(`${hub.url}?query=${query}`, {
      headers: { authorization: `Bearer ${hub.token}` },
    });
    assert.equal(response.status, 405);
    assert.equal(
      (await hub.ask<{ policy: { name: string } }>('{ policy(name: "once") { name } }')).data!.policy.name,
      'once',
    );
  });

  it('refuses a body that grows too large as it comes', async () => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${hub.token}`, 'content-type': 'application/json' };
      const call = request(hub.url, { method: 'POST', headers }, resolve).on('error', reject);
      call.write(`{"query":"{ __typename } #`);
      for (let i = 0; i < 5; i++) call.write('x'.repeat(64 * 1024));
    });
    assert.equal(response.statusCode, 413);
    response.destroy();
  });

  it('counts subscriptions however they are asked for', async () => {
    const query = JSON.stringify({ query: 'subscription { clusterChanged { name } }' });
    const stop = new AbortController();
    const open = await Promise.all(
      Array.from({ length: 200 }, () =>
        fetch(hub.url, {
          method: 'POST',
          body: query,
          signal: stop.signal,
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${hub.token}`,
            accept: 'text/event-stream, */*',
          },
        }),
      ),
    );
    assert.ok(open.every(({ status }) => status === 200));
    for (const accept of ['*/*', 'text/event-stream']) {
      const text = await (await hub.post(query, { accept })).text();
      assert.match(text, /TOO_MANY_SUBSCRIPTIONS/);
    }
    assert.equal((await hub.post('{"query":"{ __typename }"}')).status, 200);
    stop.abort();
    const again = async () =>
      !(await peek(await hub.post(query, { accept: 'text/event-stream' }))).includes('TOO_MANY');
    await until(again);
  });

  it('sends changes after a revision over SSE, then new ones', async () => {
    const from = await revision();
    const response = await hub.post(
      JSON.stringify({ query: `subscription { changes(after: ${from}) { revision action } }` }),
      { accept: 'text/event-stream' },
    );
    assert.equal(response.headers.get('content-type')?.split(';')[0], 'text/event-stream');
    await mutate(apply, policy({ name: 'seen' }));
    const reader = response.body!.getReader();
    let text = '';
    while (!text.includes('applyPolicy')) text += new TextDecoder().decode((await reader.read()).value);
    assert.match(text, new RegExp(`"revision":${from + 1}`));
    await reader.cancel();
  });
});
