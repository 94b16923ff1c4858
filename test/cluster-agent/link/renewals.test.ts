import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Renewals } from '@isthmus/cluster-agent/link/renewals.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';

const hour = 3_600_000;

describe('renewals', () => {
  let stateDir = '';
  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'isthmus-renewals-'));
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  /** An agent with a link certificate of a day, and a hub that answers when a test says so. */
  function agent() {
    const clock = new FakeClock();
    const authority = makeAuthority('cluster.local', 'east', clock.now());
    const leaf = () =>
      authority.leaf('spiffe://link.hub/cluster/east', { now: clock.now(), lifetime: 24 * hour });
    const asked: string[] = [];
    const dialled: (readonly string[])[] = [];
    const answers: ((answer: Error | undefined) => void)[] = [];
    const ask = (what: string) => {
      asked.push(what);
      return new Promise<void>((resolve, reject) =>
        answers.push((failure) => (failure ? reject(failure) : resolve())),
      );
    };
    const link = {
      connected: true,
      synced: true,
      signIntermediate: () => Promise.reject(new Error('the issuer asks')),
      renew: () => ask('link').then(() => ({ chain: leaf().chain, ca: '' })),
      reachAt: (endpoints: readonly string[]) => void dialled.push(endpoints),
    };
    const activated: (readonly string[])[] = [];
    const givenUp: string[] = [];
    const intermediates = new Map<string, { revoked: boolean }>();
    const issuer = {
      wantsNext: false,
      wantsNextAt: Infinity,
      hasCurrent: true,
      keyIds: [] as string[],
      giveUp: (keyId: string) => givenUp.push(keyId),
      prepare: () => ask('intermediate'),
      activate: (keyIds: ReadonlySet<string>) => activated.push([...keyIds]) > 0,
    };
    const identity = {
      hubId: 'hub',
      cluster: 'east',
      trustDomain: defaultTrustDomain,
      endpoints: ['join.example:1'],
      ca: '',
      ...leaf(),
    };
    const role = { leads: true };
    const saves = { count: 0 };
    const saved = () =>
      JSON.parse(readFileSync(join(stateDir, 'link.json'), 'utf8')) as {
        endpoints: string[];
        earlierEndpoints?: string[];
        chain: string;
      };
    const renewals = new Renewals(identity, {
      link,
      issuer,
      leads: () => role.leads,
      activated: () => new Set(['next']),
      intermediates: () => intermediates,
      onSaved: () => saves.count++,
      onUnsaved: () => undefined,
      stateDir,
      clock,
      random: systemRandom,
      log: silentLog,
    });
    const answer = async (failure?: Error) => {
      answers.shift()?.(failure);
      await new Promise((resolve) => setImmediate(resolve));
    };
    return {
      renewals,
      clock,
      role,
      link,
      issuer,
      asked,
      activated,
      givenUp,
      intermediates,
      answer,
      dialled,
      saves,
      saved,
    };
  }

  it('ask for an intermediate once at a time, again after a failure, and put it in force', async () => {
    const { renewals, issuer, asked, activated, answer } = agent();
    issuer.wantsNext = true;
    for (let look = 0; look < 3; look++) renewals.look();
    assert.deepEqual(asked, ['intermediate']);
    await answer(new Error('the hub is busy'));
    assert.deepEqual(activated, []);
    renewals.look();
    await answer();
    assert.deepEqual([asked.length, activated], [2, [['next']]]);
  });

  it('renew the link’s certificate from half of its life on, and count from the new one then', async () => {
    const { renewals, clock, asked, answer } = agent();
    await clock.advance(11 * hour);
    renewals.look();
    assert.deepEqual(asked, []);
    await clock.advance(2 * hour);
    renewals.look();
    renewals.look();
    assert.deepEqual(asked, ['link']);
    await answer();
    renewals.look();
    assert.deepEqual(asked, ['link']);
  });

  it('are asked for by the replica that leads, and by no other one', async () => {
    const { renewals, clock, role, issuer, asked } = agent();
    role.leads = false;
    issuer.wantsNext = true;
    await clock.advance(13 * hour);
    renewals.look();
    assert.deepEqual(asked, []);
    role.leads = true;
    renewals.look();
    assert.deepEqual(asked, ['intermediate', 'link']);
  });

  it('keep where the hub says that it is reached, dial the addresses of before last, and do nothing where none is new', () => {
    const { renewals, dialled, saves, saved } = agent();
    for (const none of [[], ['join.example:1']]) renewals.hubIsAt(none);
    assert.deepEqual([dialled, saves.count], [[], 0]);
    renewals.hubIsAt(['a.example:1', 'b.example:1']);
    assert.deepEqual(dialled.pop(), ['a.example:1', 'b.example:1', 'join.example:1']);
    assert.deepEqual(saved().endpoints, ['a.example:1', 'b.example:1']);
    renewals.hubIsAt(['b.example:1']);
    assert.deepEqual(dialled.pop(), ['b.example:1', 'a.example:1']);
    assert.deepEqual(saved().earlierEndpoints, ['a.example:1', 'b.example:1']);
    renewals.hubIsAt([]);
    assert.deepEqual([dialled.length, saves.count], [0, 2]);
  });

  it('keep an address that the hub names while it renews the certificate', async () => {
    const { renewals, clock, answer, saved } = agent();
    await clock.advance(13 * hour);
    renewals.look();
    renewals.hubIsAt(['a.example:1']);
    const { chain } = saved();
    await answer();
    assert.notEqual(saved().chain, chain);
    assert.deepEqual(saved().endpoints, ['a.example:1']);
  });

  it('use what cannot be written down, ask for it once, and write it down once it can be', async () => {
    const { renewals, clock, asked, answer, dialled, saves, saved } = agent();
    // A file cannot be written where there is a folder.
    mkdirSync(join(stateDir, 'link.json.new'));
    renewals.hubIsAt(['a.example:1']);
    assert.deepEqual(dialled.pop(), ['a.example:1', 'join.example:1']);
    await clock.advance(13 * hour);
    renewals.look();
    await answer();
    renewals.look();
    assert.deepEqual(asked, ['link']);
    assert.deepEqual([renewals.isUnsaved, saves.count], [true, 0]);
    assert.match(renewals.unsaved ?? '', /link\.json cannot be written \(EISDIR\)/);
    rmSync(join(stateDir, 'link.json.new'), { recursive: true });
    renewals.save();
    assert.deepEqual([renewals.isUnsaved, renewals.unsaved, saves.count], [false, undefined, 1]);
    assert.deepEqual(saved().endpoints, ['a.example:1']);
  });

  it('dial what the hub names at every replica, and write it down at the one that leads', () => {
    const { renewals, role, dialled, saves } = agent();
    role.leads = false;
    renewals.hubIsAt(['a.example:1']);
    assert.equal(dialled.length, 1);
    assert.equal(saves.count, 0);
  });

  it('send no request while there is no link', () => {
    const { renewals, link, issuer, asked } = agent();
    Object.assign(link, { connected: false });
    issuer.wantsNext = true;
    renewals.look();
    assert.deepEqual(asked, []);
  });

  it('give up at once what was revoked, and what the hub does not know for 5 s of a link that has synced', async () => {
    const { renewals, clock, link, issuer, givenUp, intermediates } = agent();
    issuer.keyIds = ['current', 'next'];
    intermediates.set('current', { revoked: false });
    renewals.look();
    await clock.advance(4999);
    renewals.look();
    assert.deepEqual(givenUp, []);
    // A link that ends and comes back counts from the beginning.
    Object.assign(link, { synced: false });
    renewals.look();
    await clock.advance(60_000);
    Object.assign(link, { synced: true });
    renewals.look();
    assert.deepEqual(givenUp, []);
    intermediates.set('current', { revoked: true });
    renewals.look();
    assert.deepEqual(givenUp, ['current']);
    issuer.keyIds = ['next'];
    await clock.advance(5000);
    renewals.look();
    assert.deepEqual(givenUp, ['current', 'next']);
  });

  it('are due at half of a certificate’s life, and each second while something is to be asked for or given up', async () => {
    const { renewals, clock, link, issuer, answer } = agent();
    const start = clock.now();
    const inMillis = () => {
      const due = renewals.nextDue();
      return 'wall' in due ? due.wall - start : due.monotonic - clock.monotonic();
    };
    renewals.run();
    // It is valid from a minute before it was issued.
    assert.deepEqual(renewals.nextDue(), { wall: start + 12 * hour - 30_000 });
    issuer.wantsNextAt = start + hour;
    assert.deepEqual(renewals.nextDue(), { wall: start + hour });
    Object.assign(link, { connected: false });
    await clock.advance(hour);
    issuer.wantsNext = true;
    renewals.run();
    assert.equal(inMillis(), 1000);
    Object.assign(link, { connected: true });
    renewals.run();
    issuer.wantsNextAt = start + 10 * hour;
    assert.equal(inMillis(), 1000, 'the hub is being asked');
    await answer();
    assert.deepEqual(renewals.nextDue(), { wall: start + 10 * hour });
    issuer.wantsNext = false;
    issuer.keyIds = ['unknown'];
    renewals.run();
    assert.equal(inMillis(), 1000);
  });
});
