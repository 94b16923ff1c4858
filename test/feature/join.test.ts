import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { joiningService } from '@isthmus/api/grpc/services.ts';
import { hashOf } from '@isthmus/cluster-agent/link/pinned-ca.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { linkIdentity } from '../../cluster-agent/link/identity.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { fileKeyProvider, seal } from '@isthmus/mesh/pki/seal.ts';
import { FakeClock } from '../fakes/clock.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { makeCa, serverPair } from '../fakes/link-listener.ts';

const mutation =
  'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token userErrors { message } } }';

const keysOf = (stateDir: string) => fileKeyProvider(join(stateDir, 'sealing-key'), systemRandom);

describe('joining through the real listener', () => {
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
  const attempt = (cluster: string, token: string, now = Date.now(), again = '') => {
    const stateDir = again === '' ? mkdtempSync(join(dir, 'agent-')) : again;
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, token);
    const localAddress = '127.243.16.1';
    const clock = { ...systemClock, now: () => now };
    return linkIdentity({ cluster, stateDir, tokenFile, localAddress, clock, random: systemRandom }).then(
      (identity) => ({ identity, stateDir }),
    );
  };
  /** The same token with some of it changed. */
  const altered = (token: string, change: object): string => {
    const body = JSON.parse(Buffer.from(token.split('.')[2] ?? '', 'base64url').toString()) as object;
    return `isthmus-join.v1.${Buffer.from(JSON.stringify({ ...body, ...change })).toString('base64url')}`;
  };

  it('takes one token and one command, and keeps the key sealed in a private file', async () => {
    const { identity, stateDir } = await attempt('north', await tokenFor('north'));
    assert.equal(identity.cluster, 'north');
    assert.equal(identity.trustDomain, 'cluster.local');
    assert.equal(statSync(join(stateDir, 'link.json')).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(join(stateDir, 'link.json'), 'utf8'), /PRIVATE KEY/);
    assert.match(identity.key, /BEGIN PRIVATE KEY/);
    assert.deepEqual((await attempt('north', 'no token is needed', Date.now(), stateDir)).identity, identity);
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

  it('answers the same key again when its answer was lost, and no other', async () => {
    const token = await tokenFor('lost');
    const first = await attempt('lost', token);
    const stateDir = mkdtempSync(join(dir, 'lost-'));
    // What an agent has on disk when its call came through and the answer did not.
    const sealed = seal(first.identity.key, 'link key', keysOf(stateDir), systemRandom);
    writeFileSync(join(stateDir, 'joining-key'), sealed, { mode: 0o600 });
    const second = await attempt('lost', token, Date.now(), stateDir);
    assert.equal(second.identity.key, first.identity.key);
    assert.equal(
      new X509Certificate(second.identity.chain).subject,
      new X509Certificate(first.identity.chain).subject,
    );
    assert.ok(!existsSync(join(stateDir, 'joining-key')));
    await assert.rejects(attempt('lost', token), { message: /TOKEN_USED/ });
  });

  it('does not let a cluster back in by a token from before it was revoked', async () => {
    const [one, two] = [await tokenFor('back'), await tokenFor('back')];
    await attempt('back', one);
    await hub.ask('mutation { revokeCluster(input: { cluster: "back" }) { userErrors { code } } }');
    await assert.rejects(attempt('back', two), { message: /TOKEN_UNKNOWN/ });
    const { data } = await hub.ask<{ cluster: { admission: string } }>(
      '{ cluster(name: "back") { admission } }',
    );
    assert.equal(data!.cluster.admission, 'REVOKED');
    await attempt('back', await tokenFor('back'));
  });

  it('shows a cluster that has a token and has not joined as PENDING, and forgets it with its token', async () => {
    const token = await tokenFor('later');
    const look = () => hub.ask<{ cluster: { state: string } | null }>('{ cluster(name: "later") { state } }');
    assert.equal((await look()).data!.cluster?.state, 'PENDING');
    await hub.ask('mutation { removeCluster(input: { cluster: "later" }) { userErrors { code } } }');
    assert.equal((await look()).data!.cluster, null);
    await assert.rejects(attempt('later', token), { message: /TOKEN_UNKNOWN/ });
  });

  it('refuses a request of more than 16 KiB', async () => {
    const long = altered(await tokenFor('long'), { secret: 'x'.repeat(20_000) });
    await assert.rejects(attempt('long', long), { message: /larger than max|RESOURCE_EXHAUSTED/ });
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

describe('joining at replicas of a hub', () => {
  const ca = makeCa();
  const listeners: GrpcListener[] = [];
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-replicas-'));
  after(async () => {
    await Promise.all(listeners.map((one) => one.close()));
    rmSync(stateDir, { recursive: true });
  });

  /** One that answers every call so. */
  async function replica(code: status, details: string): Promise<string> {
    const { key, chain } = serverPair(ca);
    const listener = new GrpcListener({
      certificates: new Certificates({ key, chain: chain + certificatePem(ca.certificate) }),
      mutual: false,
      proof: 'none',
      server: serverOptions(1),
      clock: systemClock,
      log: silentLog,
    });
    listeners.push(listener);
    listener.addService(joiningService, {
      join: (_call: unknown, reply: (error: object) => void) => reply({ code, details }),
    });
    return `127.0.0.1:${await listener.listen('127.0.0.1:0', '--join-listen')}`;
  }

  it('goes on to the next where one cannot answer, and takes a refusal for the answer of all', async () => {
    const joinEndpoints = [
      await replica(status.UNAVAILABLE, 'FENCED: replaced'),
      await replica(status.UNAUTHENTICATED, 'TOKEN_USED: the token was used'),
      await replica(status.UNAUTHENTICATED, 'never asked'),
    ];
    const ticket = { cluster: 'east', secret: 'x'.repeat(43), expiresAt: Date.now() + 60_000 };
    const whole = { ...ticket, caHash: hashOf(ca.certificate), joinEndpoints };
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, `isthmus-join.v1.${Buffer.from(JSON.stringify(whole)).toString('base64url')}`);
    const at = { cluster: 'east', stateDir, tokenFile, localAddress: '' };
    await assert.rejects(linkIdentity({ ...at, clock: systemClock, random: systemRandom }), {
      code: 'JOIN_REFUSED',
      message: /TOKEN_USED/,
    });
  });
});

describe('joining too late', () => {
  it('is refused by the hub, whose clock decides', async () => {
    const clock = new FakeClock(Date.now());
    const hub = await startTestHub({ clock });
    const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-late-'));
    const { data } = await hub.ask<{ result: { token: string } }>(mutation, {
      input: { cluster: 'late', lifetimeSeconds: 60 },
    });
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, data!.result.token);
    await clock.advance(61_000);
    const options = {
      cluster: 'late',
      stateDir,
      tokenFile,
      localAddress: '127.244.16.1',
      random: systemRandom,
    };
    await assert.rejects(linkIdentity({ ...options, clock: systemClock }), { message: /TOKEN_EXPIRED/ });
    hub.stop();
    rmSync(stateDir, { recursive: true });
  });
});
