import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { CertificateManager } from '@isthmus/ztunnel/identity/certificate-manager.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { handMadeCertificate, uri } from '../../fakes/hand-made.ts';

const idOf = (name: string) => `spiffe://cluster.local/ns/shop/sa/${name}`;
const cart = idOf('cart');
const hour = 3_600_000;

interface Asked {
  readonly identity: string;
  /** Milliseconds since the start. */
  readonly at: number;
  readonly give: () => void;
  readonly chain: () => readonly string[];
  readonly answer: (chain: readonly string[]) => void;
  readonly fail: (error: Error) => void;
}

/** A service of which every request waits for the test, unless all fail at once; the jitter is what the test says. */
function world({ jitter = 0.5, failing }: { jitter?: number; failing?: Error } = {}) {
  const clock = new FakeClock(Date.now());
  const authority = makeAuthority();
  const asked: Asked[] = [];
  const given: Credentials[] = [];
  const failures: string[] = [];
  const chainFor = (identity: string, csr: string) => {
    const read = readCsr(csr);
    assert.ok(read.ok);
    const life = { now: clock.now(), lifetime: 24 * hour };
    const { intermediate, root } = authority;
    const leaf = issueLeaf(identity, read.value.publicKey, intermediate, life, systemRandom);
    return [leaf, intermediate.certificate, root].map(certificatePem);
  };
  const manager = new CertificateManager({
    clock,
    log: silentLog,
    random: { ...systemRandom, fraction: () => jitter },
    request: (identity, csr) =>
      new Promise((answer, fail) => {
        const chain = () => chainFor(identity, csr);
        const give = () => answer(chain());
        asked.push({ identity, at: clock.monotonic(), give, chain, answer, fail });
        if (failing) fail(failing);
      }),
    onCertificate: (credentials) => given.push(credentials),
    onFailure: (identity, message) => failures.push(`${identity}: ${message}`),
  });
  /** Answers the request that came last. */
  const last = () => asked.at(-1)!;
  const stateOf = () => manager.list()[0] as { state: string; problem?: string; expirationTime?: string };
  return { clock, authority, asked, given, failures, manager, last, stateOf };
}

describe('ztunnel/identity certificate manager', () => {
  it('fetches an identity once, however often it is wanted, with a key of its own', async () => {
    const { clock, asked, given, manager, last } = world();
    for (let i = 0; i < 3; i++) manager.want(cart, false);
    manager.want(idOf('front'), false);
    for (const { give } of asked) give();
    await clock.advance(0);
    assert.deepEqual(
      asked.map(({ identity }) => identity),
      [cart, idOf('front')],
    );
    assert.equal(last().identity, idOf('front'));
    assert.notEqual(given[0]?.key, given[1]?.key);
    assert.equal(given[0]?.chain.match(/BEGIN CERTIFICATE/g)?.length, 2, 'leaf and intermediate, no root');
  });

  it('says whether it holds one that is valid: not before the first, and not after its end', async () => {
    const { clock, manager, last } = world();
    assert.equal(manager.holdsValid(), false);
    manager.want(cart, false);
    assert.equal(manager.holdsValid(), false);
    last().give();
    await clock.advance(0);
    assert.equal(manager.holdsValid(), true);
    await clock.advance(25 * hour);
    assert.equal(manager.holdsValid(), false);
  });

  it('asks for eight at once, and for an urgent one before the others', async () => {
    const { clock, asked, manager } = world();
    for (let i = 0; i < 10; i++) manager.want(idOf(`pod-${i}`), false);
    manager.want(idOf('pod-9'), true);
    assert.equal(asked.length, 8);
    asked[0]!.give();
    await clock.advance(0);
    assert.equal(asked[8]?.identity, idOf('pod-9'));
    asked[1]!.fail(new Error('refused'));
    await clock.advance(0);
    assert.equal(asked[9]?.identity, idOf('pod-8'));
  });

  for (const [jitter, share] of [
    [0, 0.5],
    [0.99, 0.599],
  ] as const)
    it(`renews at ${share} of the life of a certificate when the jitter is ${jitter}`, async () => {
      const { clock, asked, given, manager, last } = world({ jitter });
      manager.want(cart, false);
      last().give();
      await clock.advance(0);
      const { validFrom, validTo } = new X509Certificate(given[0]!.chain);
      const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
      const due = from + (to - from) * share;
      await clock.advance(due - clock.now() - 1000);
      assert.equal(asked.length, 1);
      await clock.advance(2000);
      assert.equal(asked.length, 2);
      last().give();
      await clock.advance(0);
      assert.equal(given.length, 2);
      assert.notEqual(given[0]?.key, given[1]?.key, 'a new key each time');
    });

  it('keeps a valid certificate while its renewal fails, says why, and renews when it can', async () => {
    const { clock, asked, given, failures, manager, last, stateOf } = world();
    manager.want(cart, false);
    last().give();
    await clock.advance(0);
    const held = stateOf();
    assert.equal(held.state, 'held');
    await clock.advance(14 * hour);
    last().fail(new Error('the service is away'));
    await clock.advance(0);
    assert.equal(stateOf().problem, 'the service is away');
    assert.equal(stateOf().expirationTime, held.expirationTime);
    assert.deepEqual(failures, [`${cart}: the service is away`]);
    assert.equal(given.length, 1, 'nothing takes the held one away');
    await clock.advance(1000);
    assert.equal(asked.length, 3);
    last().give();
    await clock.advance(0);
    assert.equal(given.length, 2);
    assert.equal(stateOf().problem, undefined);
  });

  /** The waits between attempts that all fail at once. */
  async function waits(times: number, failing: Error, jitter = 0.5): Promise<number[]> {
    const { clock, asked, manager } = world({ jitter, failing });
    manager.want(cart, false);
    await clock.advance(0);
    await clock.advance(times * 200_000);
    return asked.slice(1, times + 1).map(({ at }, i) => Math.round(at - asked[i]!.at));
  }

  it('waits longer after each failure, 150 s at most', async () =>
    assert.deepEqual(await waits(10, new Error('no')), [
      ...[1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 150_000, 150_000],
    ]));

  it('waits a fifth more or less, by chance', async () => {
    assert.deepEqual(await waits(1, new Error('no'), 0), [800]);
    assert.deepEqual(await waits(1, new Error('no'), 0.999), [1200]);
  });

  it('asks a service that is not ready yet sooner, as nothing was refused', async () => {
    const unavailable = Object.assign(new Error('not yet'), { code: 14 });
    assert.deepEqual(await waits(3, unavailable), [250, 500, 1000]);
  });

  it('forgets an identity: no renewal, and a late answer is dropped', async () => {
    const { clock, asked, given, manager, last } = world();
    manager.want(cart, false);
    manager.forget(cart);
    last().give();
    await clock.advance(0);
    assert.deepEqual([given.length, manager.list()], [0, []]);
    manager.want(cart, false);
    last().give();
    await clock.advance(0);
    manager.forget(cart);
    assert.equal(clock.pending, 0);
    await clock.advance(48 * hour);
    assert.equal(asked.length, 2);
  });

  describe('when the issuer of a certificate is not trusted any more', () => {
    const held = async (jitter = 0.5) => {
      const made = world({ jitter });
      made.manager.want(cart, false);
      made.last().give();
      await made.clock.advance(0);
      return made;
    };

    it('renews it within a second, once, and keeps it in use until then', async () => {
      const { clock, asked, given, manager, last, stateOf } = await held(0.999);
      const { chain } = given[0]!;
      for (let worker = 0; worker < 4; worker++) manager.renew(cart, chain);
      await clock.advance(1000);
      assert.equal(asked.length, 2);
      manager.renew(cart, chain);
      assert.equal(stateOf().state, 'fetching');
      last().give();
      await clock.advance(0);
      assert.deepEqual([given.length, stateOf().state], [2, 'held']);
      manager.renew(cart, chain);
      await clock.advance(60_000);
      assert.equal(asked.length, 2, 'a worker that has yet to get the new one asks for nothing');
    });

    it('does not come at the same moment as every other proxy', async () => {
      const early = await held(0.1);
      early.manager.renew(cart, early.given[0]!.chain);
      await early.clock.advance(100);
      const late = await held(0.9);
      late.manager.renew(cart, late.given[0]!.chain);
      await late.clock.advance(100);
      assert.deepEqual([early.asked.length, late.asked.length], [2, 1]);
    });

    it('waits 5, 10 and 20 seconds, up to 150, as long as new ones are not trusted either', async () => {
      const { clock, asked, given, manager, last } = await held(0);
      for (let round = 0; round < 8; round++) {
        manager.renew(cart, given.at(-1)!.chain);
        const before = asked.length;
        while (asked.length === before) await clock.advance(1000);
        last().give();
        await clock.advance(0);
      }
      const renewals = asked.slice(1).map(({ at }) => at);
      const waits = renewals.slice(1).map((at, i) => Math.round((at - renewals[i]!) / 1000));
      assert.deepEqual(waits, [5, 10, 20, 40, 80, 150, 150]);
      await clock.advance(600_000);
      const before = asked.length;
      manager.renew(cart, given.at(-1)!.chain);
      await clock.advance(0);
      assert.equal(asked.length, before + 1, 'after ten minutes of calm it starts over');
    });

    it('is tried again every 5 s at most while the service says "not yet"', async () => {
      const { clock, asked, given, manager, last } = await held();
      manager.renew(cart, given[0]!.chain);
      await clock.advance(1000);
      const notYet = Object.assign(new Error('14 UNAVAILABLE'), { code: 14 });
      for (let i = 0; i < 10; i++) {
        last().fail(notYet);
        await clock.advance(0);
        const before = asked.length;
        await clock.advance(6000);
        assert.equal(asked.length, before + 1);
      }
      assert.equal(manager.holdsValid(), true, 'the old one is in use still');
    });
  });

  it('shows people no key', async () => {
    const { clock, manager, last } = world();
    manager.want(cart, false);
    last().give();
    await clock.advance(0);
    assert.deepEqual(Object.keys(manager.list()[0]!), ['identity', 'state', 'validFrom', 'expirationTime']);
    assert.doesNotMatch(JSON.stringify(manager.list()), /KEY/);
  });
});

describe('ztunnel/identity, what a certificate service answers', () => {
  const refusals: readonly (readonly [
    string,
    (made: ReturnType<typeof world>) => readonly string[],
    RegExp,
  ])[] = [
    ['nothing', () => [], /cannot be read/],
    ['what is not a certificate', () => ['hello', 'world'], /cannot be read/],
    ['a leaf for another identity', (made) => answerOf(made, idOf('other')), /not for spiffe:.*cart/],
    ['a leaf for another key', (made) => answerOf(made, cart), /another key/],
    ['a leaf that peers would refuse', (made) => unfitFor(made), /keyUsage without digitalSignature/],
    ['a leaf without its root', (made) => made.last().chain().slice(0, 1), /without its root/],
  ];
  for (const [name, answer, why] of refusals)
    it(`is refused when it is ${name}`, async () => {
      const made = world();
      made.manager.want(cart, false);
      made.last().answer(answer(made));
      await made.clock.advance(0);
      assert.deepEqual([made.given.length, made.failures.length], [0, 1]);
      assert.match(made.failures[0] ?? '', why);
    });

  const unfitFor = ({ authority: { intermediate, root } }: ReturnType<typeof world>) => {
    const [notBefore, notAfter] = [Date.now() - 60_000, Date.now() + hour];
    const made = { alternatives: [[uri(cart)]], keyUsage: 0x20, notBefore, notAfter };
    return [handMadeCertificate(intermediate, made), intermediate.certificate, root].map(certificatePem);
  };

  const answerOf = ({ authority: { intermediate, root } }: ReturnType<typeof world>, identity: string) => {
    const leaf = issueLeaf(
      identity,
      generateKey().publicKey,
      intermediate,
      { now: Date.now() },
      systemRandom,
    );
    return [leaf, intermediate.certificate, root].map(certificatePem);
  };

  it('a refusal of the service is logged with its message', async () => {
    const { clock, failures, manager, last } = world();
    manager.want(cart, false);
    last().fail(new CodedError('X', 'PERMISSION_DENIED: not on this node'));
    await clock.advance(0);
    assert.deepEqual(failures, [`${cart}: PERMISSION_DENIED: not on this node`]);
  });
});
