import assert from 'node:assert/strict';
import { defaultHandshakeLimits, Handshakes, type Handshake } from '@isthmus/mesh/net/handshakes.ts';
import { FakeClock } from '../../fakes/clock.ts';

const { inProgress, perAddress, begun, timeoutMillis, failuresPerSecond } = defaultHandshakeLimits;

describe('mesh/net/handshakes', () => {
  let clock: FakeClock;
  let handshakes: Handshakes;
  /** Names of those that were cut, with the reason, in order. */
  let cuts: string[];

  beforeEach(() => {
    clock = new FakeClock();
    handshakes = new Handshakes(clock);
    cuts = [];
  });

  const begin = (address: string, name = address): Handshake => {
    const handshake = handshakes.begin(address, (reason) => cuts.push(`${name} ${reason}`));
    assert.ok(handshake, `${name} was refused`);
    return handshake;
  };
  const many = (count: number, address: (i: number) => string): Handshake[] =>
    Array.from({ length: count }, (_, i) => begin(address(i), `#${i}`));
  const refused = (address: string): boolean =>
    handshakes.begin(address, () => assert.fail('cut')) === undefined;

  it('has the limits that are documented', () => {
    assert.deepEqual(defaultHandshakeLimits, {
      inProgress: 1024,
      perAddress: 512,
      begun: 384,
      timeoutMillis: 10_000,
      failuresPerSecond: 50,
    });
  });

  it('cuts the oldest of an address when one more than its limit is in progress, and no other', () => {
    begin('other');
    many(perAddress - 1, () => 'a');
    assert.deepEqual(cuts, []);
    begin('a', 'last');
    assert.deepEqual(cuts, []);
    assert.equal(handshakes.inProgress, perAddress + 1);
    begin('a', 'one more');
    assert.deepEqual(cuts, ['#0 HANDSHAKES_PER_ADDRESS']);
    assert.equal(handshakes.inProgress, perAddress + 1);
    assert.equal(handshakes.counts.evicted, 1);
  });

  it('cuts the oldest of all when one more than the limit is in progress', () => {
    many(inProgress - 1, (i) => `address ${i}`);
    begin('last');
    assert.deepEqual(cuts, []);
    assert.equal(handshakes.inProgress, inProgress);
    begin('one more');
    assert.deepEqual(cuts, ['#0 HANDSHAKES_IN_PROGRESS']);
    assert.equal(handshakes.inProgress, inProgress);
    assert.equal(handshakes.counts.evicted, 1);
  });

  it('cuts the first whose TLS has begun when one more than the limit begins, and none that waits', () => {
    const waiting = begin('waiting');
    const some = many(begun, (i) => `address ${i}`);
    for (const one of some.slice(1)) one.begun();
    waiting.begun();
    waiting.begun();
    assert.deepEqual(cuts, []);
    some[0]?.begun();
    assert.deepEqual(cuts, ['#1 HANDSHAKES_BEGUN']);
    assert.equal(handshakes.counts.evicted, 1);
    some[1]?.begun();
    assert.equal(cuts.length, 1, 'one that was cut begins nothing');
    some[2]?.succeeded();
    begin('late').begun();
    assert.equal(cuts.length, 1, 'one that has ended gives its place back');
  });

  it('makes room once, of its own address, when both limits are reached', () => {
    many(inProgress - perAddress, (i) => `address ${i}`);
    many(perAddress, () => 'a');
    begin('a', 'one more');
    assert.deepEqual(cuts, ['#0 HANDSHAKES_PER_ADDRESS']);
    assert.equal(handshakes.inProgress, inProgress);
  });

  it('cuts a handshake when its time is over, not before, and never one that has ended', async () => {
    begin('a', 'slow');
    begin('a', 'done').succeeded();
    begin('a', 'gone').failed('silent');
    await clock.advance(timeoutMillis - 1);
    assert.deepEqual(cuts, []);
    await clock.advance(1);
    assert.deepEqual(cuts, ['slow HANDSHAKE_TIMEOUT']);
    assert.equal(handshakes.counts.timedOut, 1);
    assert.equal(handshakes.inProgress, 0);
    assert.equal(clock.pending, 0);
  });

  it('refuses an address before the handshake from the 51st failure of a second on, and no other', () => {
    for (let i = 0; i < failuresPerSecond - 1; i++) begin('a').failed('bytes');
    const last = begin('a');
    begin('a').succeeded();
    last.failed('bytes');
    assert.ok(refused('a'));
    assert.equal(handshakes.counts.refused, 1);
    begin('b').succeeded();
  });

  it('counts one that was for nothing as three that failed: the 17th of a second is the last', async () => {
    for (let i = 0; i < 16; i++) handshakes.wasted('a');
    begin('a').failed('bytes');
    begin('a').succeeded();
    handshakes.wasted('a');
    assert.ok(refused('a'));
    begin('b').succeeded();
    // 52 of 50 were counted, and one must be left.
    await clock.advance((3 * 1000) / failuresPerSecond - 1);
    assert.ok(refused('a'));
    await clock.advance(1);
    begin('a').succeeded();
  });

  it('takes an address again as its failures get older, and after a second as if nothing had been', async () => {
    for (let i = 0; i < failuresPerSecond; i++) begin('a').failed('bytes');
    await clock.advance(1000 / failuresPerSecond - 1);
    assert.ok(refused('a'));
    await clock.advance(1);
    begin('a').failed('bytes');
    assert.ok(refused('a'));
    await clock.advance(1000);
    for (let i = 0; i < failuresPerSecond; i++) begin('a').failed('bytes');
    assert.ok(refused('a'));
  });

  it('counts failures that were in progress together in full: they are paid back at 50 a second', async () => {
    for (const one of many(perAddress, () => 'a')) one.failed('bytes');
    const owed = perAddress - failuresPerSecond;
    await clock.advance(((owed + 1) * 1000) / failuresPerSecond - 1);
    assert.ok(refused('a'));
    await clock.advance(1);
    begin('a').succeeded();
  });

  it('counts neither a success, nor a peer that says nothing, nor one that gave way to another', () => {
    for (let i = 0; i < 1000; i++) begin('a').succeeded();
    for (let i = 0; i < 1000; i++) begin('a').failed('silent');
    const evicted = many(perAddress + 100, () => 'a').slice(0, 100);
    for (const one of evicted) one.failed('bytes');
    assert.equal(handshakes.counts.evicted, 100);
    begin('a').succeeded();
  });

  it('counts one whose time was over after it had sent bytes, once', async () => {
    const slow = many(failuresPerSecond, () => 'a');
    await clock.advance(timeoutMillis);
    for (const one of slow.slice(1)) one.failed('bytes');
    for (const one of slow.slice(1)) one.failed('bytes');
    begin('a').succeeded();
    slow[0]?.failed('bytes');
    assert.ok(refused('a'));
  });

  it('gives a place back once, however often its end is said', () => {
    const [one, other] = [begin('a'), begin('a')];
    one.failed('silent');
    one.succeeded();
    one.failed('bytes');
    assert.equal(handshakes.inProgress, 1);
    other.succeeded();
    assert.equal(handshakes.inProgress, 0);
  });

  it('keeps nothing of addresses without failures, and of a bounded number of those with some', () => {
    for (let i = 0; i < 30_000; i++) begin(`good ${i}`).succeeded();
    assert.equal(handshakes.addresses, 0);
    for (let i = 0; i < 30_000; i++) begin(`bad ${i}`).failed('bytes');
    assert.equal(handshakes.addresses, 10_000);
    assert.equal(clock.pending, 0);
  });

  it('says for each limit what happened', () => {
    assert.match(handshakes.explain('HANDSHAKE_TIMEOUT'), /within 10000 ms/);
    assert.match(handshakes.explain('HANDSHAKES_PER_ADDRESS'), /512 handshakes of this address/);
    assert.match(handshakes.explain('HANDSHAKES_IN_PROGRESS'), /1024 handshakes/);
    assert.match(handshakes.explain('HANDSHAKES_BEGUN'), /384 handshakes had begun/);
    assert.match(handshakes.explain('HANDSHAKES_FAILED'), /more than 50 handshakes a second/);
  });
});
