import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { heldMillis, HeldSockets, maxHeld } from '@isthmus/mesh/net/held-sockets.ts';
import { FakeClock } from '../../fakes/clock.ts';

class FakeSocket extends EventEmitter {
  destroyed = 0;

  destroy(): void {
    this.destroyed++;
    this.emit('close');
  }
}

describe('mesh/net/held-sockets', () => {
  let clock: FakeClock;
  let held: HeldSockets;
  const hold = (count: number): readonly FakeSocket[] =>
    Array.from({ length: count }, () => {
      const socket = new FakeSocket();
      held.hold(socket);
      return socket;
    });
  const closed = (sockets: readonly FakeSocket[]) => sockets.map(({ destroyed }) => destroyed);

  beforeEach(() => {
    clock = new FakeClock();
    held = new HeldSockets(clock);
  });

  it('closes a connection a second after it was refused, not before, and once', async () => {
    const sockets = hold(1);
    await clock.advance(heldMillis - 1);
    assert.deepEqual(closed(sockets), [0]);
    await clock.advance(1);
    assert.deepEqual(closed(sockets), [1]);
    assert.equal(held.size, 0);
  });

  it('closes the oldest when one more than the limit is held, and no other', () => {
    const sockets = hold(maxHeld - 1);
    const [last] = hold(1);
    assert.ok(closed([...sockets, last!]).every((count) => count === 0));
    hold(1);
    assert.equal(sockets[0]?.destroyed, 1);
    assert.ok(closed([...sockets.slice(1), last!]).every((count) => count === 0));
    assert.equal(held.size, maxHeld);
  });

  it('keeps nothing of a connection whose peer has gone', () => {
    const [socket] = hold(1);
    socket?.emit('close');
    assert.equal(held.size, 0);
    assert.equal(clock.pending, 0);
    assert.equal(socket?.destroyed, 0);
  });
});
