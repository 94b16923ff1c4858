import assert from 'node:assert/strict';
import { heldMillis, HeldSockets, maxHeld } from '@isthmus/mesh/net/held-sockets.ts';
import { FakeClock } from '../../fakes/clock.ts';

class FakeConnection {
  closes = 0;
  readonly #closed = Promise.withResolvers<undefined>();
  readonly whenClosed = this.#closed.promise;

  close(): void {
    this.closes++;
    this.leave();
  }

  leave(): void {
    this.#closed.resolve(undefined);
  }
}

describe('mesh/net/held-sockets', () => {
  let clock: FakeClock;
  let held: HeldSockets;
  const hold = (count: number): readonly FakeConnection[] =>
    Array.from({ length: count }, () => {
      const socket = new FakeConnection();
      held.hold(socket);
      return socket;
    });
  const closed = (sockets: readonly FakeConnection[]) => sockets.map(({ closes }) => closes);

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
    assert.equal(sockets[0]?.closes, 1);
    assert.ok(closed([...sockets.slice(1), last!]).every((count) => count === 0));
    assert.equal(held.size, maxHeld);
  });

  it('keeps nothing of a connection whose peer has gone', async () => {
    const [socket] = hold(1);
    socket?.leave();
    await socket?.whenClosed;
    assert.equal(held.size, 0);
    assert.equal(clock.pending, 0);
    assert.equal(socket?.closes, 0);
  });
});
