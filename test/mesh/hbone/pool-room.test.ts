import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { TunnelPool, type Pooled, type PoolKey } from '@isthmus/mesh/hbone/pool.ts';
import type { ClientSession, ConnectRequest, ConnectResponse } from '@isthmus/mesh/http2/session.ts';
import type { SpiffeId } from '@isthmus/mesh/identity/spiffe-id.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { memoryPair } from '../../fakes/memory-pair.ts';
import { FakeClock } from '../../fakes/clock.ts';

const key: PoolKey = {
  source: 'spiffe://cluster.local/ns/shop/sa/a' as SpiffeId,
  pod: 'east//Pod/shop/a',
  sourceAddress: '127.1.0.1',
  expect: expectNames('b'),
  cluster: 'east',
  address: '127.1.0.2',
  port: 15008,
};
const request: ConnectRequest & { layer: 'hbone' } = { authority: 'cart:80', headers: {}, layer: 'hbone' };
const peer = { spiffeId: 'b', cluster: 'east', issuerKeyId: 'k' } as unknown as Pooled['peer'];
const never = new AbortController().signal;

/** A session whose streams never end; `answer` decides each CONNECT. */
class FakeSession implements ClientSession {
  activeStreams = 0;
  most = 0;
  usable = true;
  destroyed = false;
  readonly maxStreams: number;
  readonly #answer: (session: FakeSession) => number | Error | 'silent';
  #closed: ((error: Error | undefined) => void)[] = [];

  constructor(answer: (session: FakeSession) => number | Error | 'silent' = () => 200, maxStreams = 200) {
    this.#answer = answer;
    this.maxStreams = maxStreams;
  }

  connect(_: ConnectRequest, signal: AbortSignal): Promise<ConnectResponse> {
    this.most = Math.max(this.most, ++this.activeStreams);
    const answer = this.#answer(this);
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === 'silent')
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(new CodedError('CONNECT_FAILED', 'given up'))),
      );
    return Promise.resolve({ status: answer, headers: {}, stream: memoryPair()[0] });
  }

  onClose(listener: (error: Error | undefined) => void): void {
    this.#closed.push(listener);
  }

  close(): void {
    this.usable = false;
  }

  destroy(): void {
    this.usable = false;
    this.destroyed = true;
    for (const closed of this.#closed.splice(0)) closed(undefined);
  }
}

/** Dials that hand out these sessions one after another, each when the test says so. */
function dialling(...sessions: FakeSession[]) {
  const left = [...sessions];
  const go = Promise.withResolvers<void>();
  let dials = 0;
  const dial = async (): Promise<Pooled> => {
    dials++;
    await go.promise;
    const session = left.shift();
    if (!session) throw new CodedError('DIAL_REFUSED', 'no more');
    return { session, peer, until: Infinity };
  };
  return { dial, go: () => go.resolve(), dials: () => dials };
}

const lost = () => new CodedError('CONNECT_FAILED', 'the session has gone away');

describe('mesh/hbone pool, who gets room', () => {
  it('callers that waited for one dial never over-fill its session', async () => {
    const sessions = [new FakeSession(), new FakeSession(), new FakeSession(), new FakeSession()];
    const { dial, go, dials } = dialling(...sessions);
    const pool = new TunnelPool(new FakeClock());
    const callers = Array.from({ length: 300 }, () => pool.open(key, dial, request, never));
    go();
    await Promise.all(callers);
    assert.equal(dials(), 3);
    assert.deepEqual(
      sessions.map(({ most }) => most),
      [100, 100, 100, 0],
    );
  });

  it('keeps to the limit of a peer that allows less', async () => {
    const sessions = [new FakeSession(undefined, 2), new FakeSession(undefined, 2)];
    const { dial, go } = dialling(...sessions);
    go();
    const pool = new TunnelPool(new FakeClock());
    await Promise.all(Array.from({ length: 4 }, () => pool.open(key, dial, request, never)));
    assert.deepEqual(
      sessions.map(({ most }) => most),
      [2, 2],
    );
  });

  it('a peer that allows no stream at all fails everybody, and is not dialled for ever', async () => {
    const { dial, go, dials } = dialling(new FakeSession(undefined, 0));
    go();
    const pool = new TunnelPool(new FakeClock());
    const outcomes = await Promise.allSettled([
      pool.open(key, dial, request, never),
      pool.open(key, dial, request, never),
    ]);
    for (const outcome of outcomes)
      assert.equal(outcome.status === 'rejected' && (outcome.reason as CodedError).code, 'SESSION_FULL');
    assert.deepEqual([dials(), pool.size], [1, 0]);
  });

  it('a failed dial fails those who waited for it, and the next caller dials again', async () => {
    const { dial, go, dials } = dialling();
    go();
    const pool = new TunnelPool(new FakeClock());
    const both = [pool.open(key, dial, request, never), pool.open(key, dial, request, never)];
    for (const one of both) await assert.rejects(one, { code: 'DIAL_REFUSED' });
    await assert.rejects(pool.open(key, dial, request, never), { code: 'DIAL_REFUSED' });
    assert.equal(dials(), 2);
  });
});

describe('mesh/hbone pool, a session that is lost', () => {
  const goesAway = (session: FakeSession) => {
    session.usable = false;
    return lost();
  };

  it('a CONNECT that was lost with its session is asked once more on a fresh one', async () => {
    const fresh = new FakeSession();
    const { dial, go } = dialling(new FakeSession(goesAway), fresh);
    go();
    await new TunnelPool(new FakeClock()).open(key, dial, request, never);
    assert.equal(fresh.most, 1);
  });

  it('once, and no more', async () => {
    const { dial, go, dials } = dialling(new FakeSession(goesAway), new FakeSession(goesAway));
    go();
    const pool = new TunnelPool(new FakeClock());
    await assert.rejects(pool.open(key, dial, request, never), { code: 'CONNECT_FAILED' });
    assert.equal(dials(), 2);
  });

  it('an answer is final, though the session ends with it; so is a stream that fails alone', async () => {
    const refuses = (session: FakeSession) => {
      session.usable = false;
      return 401;
    };
    for (const [answer, code] of [
      [refuses, 'CONNECT_REFUSED'],
      [lost, 'CONNECT_FAILED'],
    ] as const) {
      const { dial, go, dials } = dialling(new FakeSession(answer), new FakeSession());
      go();
      const pool = new TunnelPool(new FakeClock());
      await assert.rejects(pool.open(key, dial, request, never), { code });
      assert.equal(dials(), 1);
    }
  });

  it('one that leaves a CONNECT unanswered for a second is not given to the next caller', async () => {
    const clock = new FakeClock();
    const [silent, fresh] = [new FakeSession(() => 'silent'), new FakeSession()];
    const { dial, go } = dialling(silent, fresh);
    go();
    const pool = new TunnelPool(clock);
    const stop = new AbortController();
    const waiting = pool.open(key, dial, request, stop.signal);
    await clock.advance(0);
    await clock.advance(1000);
    stop.abort();
    await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
    await pool.open(key, dial, request, never);
    assert.equal(fresh.most, 1);
    assert.equal(
      pool.endIssuedBy('k', () => true),
      2,
      'it is still found when its peer is revoked',
    );
    assert.deepEqual([silent.destroyed, pool.size], [true, 0]);
  });

  it('one ends with its issuer, streams and all; others live on, and so does one that is not refused', async () => {
    const sessions = [new FakeSession(), new FakeSession()] as const;
    const { dial, go } = dialling(...sessions);
    go();
    const pool = new TunnelPool(new FakeClock());
    for (const pod of ['a', 'b']) await pool.open({ ...key, pod }, dial, request, never);
    assert.equal(
      pool.endIssuedBy('another', () => true),
      0,
    );
    assert.equal(
      pool.endIssuedBy('k', () => false),
      0,
    );
    assert.deepEqual([sessions[0].usable, sessions[1].usable, pool.size], [true, true, 2]);
    assert.equal(
      pool.endIssuedBy('k', () => true),
      2,
    );
    assert.deepEqual([sessions[0].destroyed, sessions[1].destroyed, pool.size], [true, true, 0]);
    assert.equal(
      pool.endIssuedBy('k', () => true),
      0,
    );
  });

  it('one takes nothing new once a certificate of its ends has run out, and carries what it carries', async () => {
    const clock = new FakeClock();
    const [old, fresh] = [new FakeSession(), new FakeSession()];
    const { dial, go } = dialling(old, fresh);
    go();
    const pool = new TunnelPool(clock);
    const until = clock.now() + 1000;
    const open = () => pool.open(key, async () => ({ ...(await dial()), until }), request, never);
    await open();
    await clock.advance(999);
    await open();
    assert.deepEqual([old.most, fresh.most], [2, 0]);
    await clock.advance(1);
    await pool.open(key, dial, request, never);
    assert.deepEqual([old.most, fresh.most, old.usable, pool.size], [2, 1, true, 2]);
  });

  it('a caller that gave up while others dialled opens nothing', async () => {
    const session = new FakeSession();
    const { dial, go } = dialling(session);
    const pool = new TunnelPool(new FakeClock());
    const stop = new AbortController();
    const waiting = pool.open(key, dial, request, stop.signal);
    stop.abort();
    go();
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.equal(session.most, 0);
  });
});
