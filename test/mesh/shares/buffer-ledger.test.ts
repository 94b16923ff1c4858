import assert from 'node:assert/strict';
import { BufferLedger, Stall } from '@isthmus/mesh/shares/buffer-ledger.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('mesh/shares of bytes that wait', () => {
  function world(limit = 100) {
    const clock = new FakeClock();
    const resets: string[] = [];
    const held = new Map<string, number>();
    const ledger = new BufferLedger(clock, limit, () => resets.push('counted'));
    const stall = (name: string, bytes: number): Stall => {
      held.set(name, bytes);
      return new Stall(
        () => held.get(name) ?? 0,
        () => resets.push(name),
      );
    };
    return { clock, ledger, stall, resets, held };
  }

  it('lets tunnels pause for days while the share is not used up', async () => {
    const { clock, ledger, stall, resets } = world();
    ledger.begin(stall('a', 50));
    ledger.begin(stall('b', 49));
    await clock.advance(60_000);
    assert.deepEqual([ledger.total, ledger.full, resets], [99, false, []]);
    ledger.begin(stall('c', 1));
    await clock.advance(60_000);
    assert.deepEqual([ledger.total, ledger.full, resets], [100, false, []]);
  });

  it('resets the longest stalled when the share is used up, and only as many as it takes', async () => {
    const { clock, ledger, stall, resets } = world();
    for (const name of ['a', 'b', 'c', 'd']) {
      ledger.begin(stall(name, 30));
      await clock.advance(10);
    }
    assert.equal(ledger.full, true);
    await clock.advance(2000);
    assert.deepEqual([resets, ledger.total], [['counted', 'a'], 90]);
  });

  it('counts what the sender adds before it stops at once, and then what it has added', async () => {
    const clock = new FakeClock();
    const ledger = new BufferLedger(clock, 100, () => undefined);
    ledger.begin(
      new Stall(
        () => 64,
        () => undefined,
        () => 37,
      ),
    );
    assert.deepEqual([ledger.total, ledger.full], [101, true]);
    await clock.advance(250);
    assert.deepEqual([ledger.total, ledger.full], [64, false]);
  });

  it('counts what comes after the pause has begun', async () => {
    const { clock, ledger, stall, resets, held } = world();
    ledger.begin(stall('a', 10));
    ledger.begin(stall('b', 10));
    await clock.advance(1000);
    held.set('b', 91);
    await clock.advance(250);
    assert.deepEqual(resets, ['counted', 'a']);
  });

  it('ends stalls in any order, and each once', async () => {
    const { ledger, stall, resets, clock } = world();
    const [a, b, c] = [stall('a', 1), stall('b', 20), stall('c', 300)];
    for (const each of [a, b, c, a]) ledger.begin(each);
    assert.equal(ledger.total, 321);
    for (const each of [b, b, c]) ledger.end(each);
    assert.equal(ledger.total, 1);
    ledger.begin(c);
    await clock.advance(1250);
    assert.deepEqual([resets, ledger.total], [['counted', 'a', 'counted', 'c'], 0]);
    ledger.end(a);
    assert.equal(ledger.total, 0);
  });

  it('resets nothing that has paused for less than a second: busy tunnels pause all the time', async () => {
    const { clock, ledger, stall, resets } = world();
    const [a, b] = [stall('a', 80), stall('b', 80)];
    for (let i = 0; i < 20; i++) {
      ledger.begin(a);
      ledger.begin(b);
      await clock.advance(900);
      ledger.end(a);
      ledger.end(b);
    }
    assert.deepEqual([resets, ledger.total], [[], 0]);
    await clock.advance(1000);
    assert.equal(clock.pending, 0);
  });
});
