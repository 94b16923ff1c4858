import assert from 'node:assert/strict';
import { defaultLimits, penaltyMillis, PeerShares } from '@isthmus/mesh/shares/peer-share.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('mesh/shares of one identity', () => {
  const few = { sessions: 3, handshakes: 3, streams: 3, unanswered: 3 };
  const kinds = {
    sessions: 'SESSIONS',
    handshakes: 'HANDSHAKES',
    streams: 'STREAMS',
    unanswered: 'UNANSWERED',
  } as const;

  for (const kind of ['sessions', 'handshakes', 'streams', 'unanswered'] as const)
    it(`gives as many ${kind} as the limit and not one more, and again what came back, once`, () => {
      const share = new PeerShares(new FakeClock(), few).of('a');
      const taken = [1, 2, 3].map(() => share.take(kind));
      for (const one of taken) assert.equal(typeof one, 'function');
      assert.equal(share.take(kind), kinds[kind]);
      const [release] = taken;
      if (typeof release !== 'function') throw new Error('refused');
      release();
      release();
      assert.equal(typeof share.take(kind), 'function');
      assert.equal(share.take(kind), kinds[kind]);
    });

  it('is the share of one identity over all its sessions, and of no other', () => {
    const shares = new PeerShares(new FakeClock(), few);
    for (let i = 0; i < 3; i++) shares.of('a').take('streams');
    assert.equal(shares.of('a').take('streams'), 'STREAMS');
    assert.equal(typeof shares.of('b').take('streams'), 'function');
  });

  it('takes a burst of 450 resets and then 50 a second; one more is punished for five seconds', async () => {
    const clock = new FakeClock();
    const share = new PeerShares(clock).of('a');
    for (let i = 0; i < defaultLimits.resetBurst; i++) assert.equal(share.reset(), true);
    await clock.advance(1000);
    for (let i = 0; i < defaultLimits.resetsPerSecond; i++) assert.equal(share.reset(), true);
    assert.ok(share.penaltyMillis <= 0);
    assert.equal(share.reset(), false);
    assert.equal(share.penaltyMillis, penaltyMillis);
    await clock.advance(penaltyMillis - 1);
    assert.equal(share.penaltyMillis, 1);
    await clock.advance(1);
    assert.ok(share.penaltyMillis <= 0);
    for (let i = 0; i < 250; i++) assert.equal(share.reset(), true);
    assert.equal(share.reset(), false);
  });

  it('takes a broken session as so many resets, and one that there are too few left for as one too many', () => {
    const share = new PeerShares(new FakeClock(), { resetBurst: 100, resetsPerSecond: 0 }).of('a');
    assert.equal(share.reset(50), true);
    assert.equal(share.reset(50), true);
    assert.equal(share.reset(1), false);
    const other = new PeerShares(new FakeClock(), { resetBurst: 100, resetsPerSecond: 0 }).of('a');
    assert.equal(other.reset(51), true);
    assert.equal(other.reset(50), false);
    assert.equal(other.penaltyMillis, penaltyMillis);
  });

  it('takes a burst of 1,000 refusals and then 200 a second, and does not punish one more', async () => {
    const clock = new FakeClock();
    const share = new PeerShares(clock).of('a');
    for (let i = 0; i < 1000; i++) assert.equal(share.refused(), true);
    assert.equal(share.refused(), false);
    await clock.advance(1000);
    for (let i = 0; i < 200; i++) assert.equal(share.refused(), true);
    assert.equal(share.refused(), false);
    assert.ok(share.penaltyMillis <= 0);
  });

  it('says beforehand why it would refuse a CONNECT', () => {
    const share = new PeerShares(new FakeClock(), few).of('a');
    const unanswered = [1, 2, 3].map(() => share.take('unanswered'));
    assert.equal(share.refusal, 'UNANSWERED');
    for (const release of unanswered) if (typeof release === 'function') release();
    assert.equal(share.refusal, undefined);
    for (let i = 0; i < 3; i++) share.take('streams');
    assert.equal(share.refusal, 'STREAMS');
  });

  it('forgets identities that have taken nothing, and keeps those that have or that reset', () => {
    const clock = new FakeClock();
    const shares = new PeerShares(clock);
    const busy = shares.of('busy');
    busy.take('sessions');
    for (let i = 0; i < 450; i++) shares.of('resetting').reset();
    for (let i = 0; i < 5000; i++) shares.of(`identity ${i}`);
    assert.ok(shares.size <= 1001, `${shares.size}`);
    assert.equal(shares.of('busy'), busy);
    assert.equal(shares.of('resetting').reset(), false);
  });
});
