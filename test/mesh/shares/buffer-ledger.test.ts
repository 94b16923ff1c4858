import assert from 'node:assert/strict';
import { BufferLedger, grain, Stall } from '@isthmus/mesh/shares/buffer-ledger.ts';
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

describe('mesh/shares of bytes that wait, the hard limit', () => {
  const hard = 10 * grain;

  function world() {
    const clock = new FakeClock();
    const said: string[] = [];
    const held = new Map<string, number>();
    const ledger = new BufferLedger(clock, 8 * grain, () => undefined, {
      bytes: hard,
      onChange: (overflowing) => said.push(overflowing ? 'stop' : 'read'),
    });
    const stall = (name: string, bytes = 0): Stall => {
      held.set(name, bytes);
      const one = new Stall(
        () => held.get(name) ?? 0,
        () => said.push(`${name} reset`),
      );
      ledger.begin(one);
      return one;
    };
    const grow = (name: string, bytes: number) => {
      held.set(name, (held.get(name) ?? 0) + bytes);
      ledger.grew(bytes);
    };
    return { clock, ledger, stall, said, held, grow };
  }

  for (const [where, bytes, expected] of [
    ['below', hard - 1, []],
    ['at', hard, []],
    ['above', hard + 1, ['stop']],
  ] as const) {
    it(`${where} it: ${expected.length === 0 ? 'reads' : 'does not read'}, without waiting for the next look`, () => {
      const { stall, said, grow } = world();
      stall('a');
      grow('a', bytes - 1);
      grow('a', 1);
      assert.deepEqual(said, expected);
    });

    it(`${where} it by what has stalled just now: ${expected.length === 0 ? 'reads' : 'does not read'}`, () => {
      const { stall, said } = world();
      stall('a', hard / 2);
      stall('b', bytes - hard / 2);
      assert.deepEqual(said, expected);
    });
  }

  it('reads on within 20 ms once no more than the share is held, and resets nothing that goes on within a second', async () => {
    const { clock, stall, said, grow, held, ledger } = world();
    const slow = stall('a');
    grow('a', hard + 1);
    for (let i = 0; i < 20; i++) {
      await clock.advance(900);
      ledger.end(slow);
      held.set('a', hard - i);
      ledger.begin(slow);
    }
    assert.deepEqual(said, ['stop']);
    held.set('a', 8 * grain + 1);
    await clock.advance(20);
    assert.deepEqual(said, ['stop']);
    held.set('a', 8 * grain);
    await clock.advance(20);
    assert.deepEqual(said, ['stop', 'read']);
  });

  it('resets the longest stalled after a second where nobody reads, until the share holds, and reads on', async () => {
    const { clock, stall, said, grow } = world();
    for (const name of ['a', 'b', 'c', 'd']) {
      stall(name);
      grow(name, (name === 'a' ? 3 : 2) * grain);
      await clock.advance(10);
    }
    stall('e');
    grow('e', grain + 1);
    await clock.advance(959);
    assert.deepEqual(said, ['stop']);
    await clock.advance(21);
    assert.deepEqual(said, ['stop', 'a reset', 'read']);
  });

  it('takes nothing for held that was taken meanwhile, and looks at all stalls again only after a MiB more', () => {
    const { stall, said, held, ledger } = world();
    let looks = 0;
    const counted = new Stall(
      () => (looks++, 0),
      () => undefined,
    );
    stall('a', hard - grain / 2);
    ledger.begin(counted);
    looks = 0;
    for (let i = 0; i < 1024; i++) ledger.grew(grain / 64);
    assert.deepEqual([said, looks > 8, looks <= 16], [[], true, true]);
    held.set('a', hard + 1);
    ledger.grew(grain + 1);
    assert.deepEqual(said, ['stop']);
  });

  it('holds the same limit after each reset', async () => {
    const { clock, stall, said, grow, ledger } = world();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) stall(name, 2 * grain);
    await clock.advance(1020);
    assert.deepEqual([said.splice(0), ledger.total], [['stop', 'a reset', 'b reset', 'read'], 8 * grain]);
    for (const name of ['c', 'd', 'e']) {
      grow(name, 2 * grain + 1);
      assert.deepEqual(said.splice(0), ['stop']);
      await clock.advance(20);
      assert.deepEqual(said.splice(0), [`${name} reset`, 'read']);
      stall(`after ${name}`, 2 * grain);
    }
  });

  it('reads on when all that held bytes have ended', async () => {
    const { clock, stall, said, grow, ledger } = world();
    const a = stall('a');
    grow('a', hard + 1);
    ledger.end(a);
    await clock.advance(20);
    assert.deepEqual([said, ledger.total, clock.pending], [['stop', 'read'], 0, 0]);
  });
});
