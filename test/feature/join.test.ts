import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkIdentity } from '../../cluster-agent/link/identity.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const mutation =
  'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token userErrors { message } } }';

describe('joining through the real door', () => {
  let hub: TestHub;
  let dir = '';
  before(async () => {
    hub = await startTestHub();
    dir = mkdtempSync(join(tmpdir(), 'isthmus-join-'));
  });
  after(() => {
    hub.stop();
    rmSync(dir, { recursive: true });
  });

  const tokenFor = async (cluster: string): Promise<string> => {
    const { data } = await hub.ask<{ result: { token: string } }>(mutation, { input: { cluster } });
    return data!.result.token;
  };
  const attempt = (cluster: string, token: string, now = Date.now()) => {
    const stateDir = mkdtempSync(join(dir, 'agent-'));
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, token);
    return linkIdentity({ cluster, stateDir, tokenFile, localAddress: '127.243.16.1', now }).then(
      (identity) => ({
        identity,
        stateDir,
      }),
    );
  };
  /** The same token with some of it changed. */
  const altered = (token: string, change: object): string => {
    const body = JSON.parse(Buffer.from(token.split('.')[2] ?? '', 'base64url').toString()) as object;
    return `isthmus-join.v1.${Buffer.from(JSON.stringify({ ...body, ...change })).toString('base64url')}`;
  };

  it('takes one token and one command, and keeps the key in a private file', async () => {
    const { identity, stateDir } = await attempt('north', await tokenFor('north'));
    assert.equal(identity.cluster, 'north');
    assert.equal(identity.trustDomain, 'cluster.local');
    assert.equal(statSync(join(stateDir, 'link.json')).mode & 0o777, 0o600);
    assert.match(readFileSync(join(stateDir, 'link.json'), 'utf8'), /BEGIN PRIVATE KEY/);
    const { data } = await hub.ask<{ cluster: { admission: string } }>(
      '{ cluster(name: "north") { admission } }',
    );
    assert.equal(data!.cluster.admission, 'ADMITTED');
  });

  it('refuses a used token, a guessed secret, another name, an expired one and another hub, each by its reason', async () => {
    const used = await tokenFor('used');
    await attempt('used', used);
    await assert.rejects(attempt('used', used), { code: 'JOIN_REFUSED', message: /TOKEN_USED/ });

    const fresh = await tokenFor('fresh');
    await assert.rejects(attempt('fresh', altered(fresh, { secret: 'x'.repeat(43) })), {
      message: /TOKEN_UNKNOWN/,
    });
    await assert.rejects(attempt('other', altered(fresh, { cluster: 'other' })), {
      message: /TOKEN_OTHER_CLUSTER/,
    });
    await assert.rejects(attempt('other', fresh), { code: 'JOIN_TOKEN', message: /runs as 'other'/ });
    await assert.rejects(attempt('fresh', fresh, Date.now() + 7_200_000), {
      code: 'JOIN_TOKEN',
      message: /expired/,
    });
    await assert.rejects(attempt('fresh', altered(fresh, { caHash: '0'.repeat(64) })), {
      code: 'CA_NOT_PINNED',
    });
    await assert.rejects(attempt('fresh', 'isthmus-join.v1.damaged'), {
      code: 'JOIN_TOKEN',
      message: /copied whole/,
    });
    await assert.rejects(attempt('fresh', altered(fresh, { joinEndpoints: ['127.243.0.1:1'] })), {
      code: 'HUB_UNREACHABLE',
    });
    // None of that has used the token up.
    await attempt('fresh', fresh);
  });

  it('takes a token once when two race with it', async () => {
    const token = await tokenFor('race');
    const results = await Promise.allSettled([attempt('race', token), attempt('race', token)]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  it('is asked only so often from one address', async () => {
    const token = altered(await tokenFor('slow'), { secret: 'y'.repeat(43) });
    const results = await Promise.allSettled(Array.from({ length: 30 }, () => attempt('slow', token)));
    const messages = results.map((one) => (one.status === 'rejected' ? String(one.reason) : ''));
    assert.ok(messages.some((message) => message.includes('TOO_MANY')));
  });
});
