import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { limitArrivals } from '@isthmus/mesh/http/arrivals.ts';
import { defaultHandshakeLimits } from '@isthmus/mesh/net/handshakes.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';

const { perAddress, inProgress } = defaultHandshakeLimits;

/** A connection from an address that no network has: nothing listens. */
class Arriving extends Socket {
  override readonly remoteAddress: string;

  constructor(from: string) {
    super();
    this.remoteAddress = from;
  }
}

/** What a listener does with connections that have sent no request. */
function arrivals() {
  const clock = new FakeClock();
  const limits: unknown[] = [];
  const log = { ...silentLog, warn: (fields: { limit?: unknown }) => void limits.push(fields.limit) };
  const server = createServer();
  const arrived = limitArrivals(server, 'test', { clock, log });
  const come = (count: number, from: (i: number) => string): Arriving[] =>
    Array.from({ length: count }, (_, i) => {
      const socket = new Arriving(from(i));
      server.emit('connection', socket);
      return socket;
    });
  return { clock, limits, arrived, come };
}

const endedOf = (sockets: readonly Socket[]): readonly number[] =>
  sockets.flatMap(({ destroyed }, i) => (destroyed ? [i] : []));

describe('mesh/http: connections without a request', () => {
  for (const [count, ended] of [
    [perAddress - 1, []],
    [perAddress, []],
    [perAddress + 1, [0]],
  ] as const)
    it(`of one address, ${count} of at most ${perAddress}: ${ended.length} are ended, the oldest`, () => {
      const { come, limits } = arrivals();
      const [other] = come(1, () => '192.0.2.2');
      assert.deepEqual(endedOf(come(count, () => '192.0.2.1')), ended);
      assert.equal(other?.destroyed, false);
      assert.deepEqual(
        limits,
        ended.map(() => 'HANDSHAKES_PER_ADDRESS'),
      );
    });

  for (const [count, ended] of [
    [inProgress - 1, []],
    [inProgress, []],
    [inProgress + 1, [0]],
  ] as const)
    it(`of all addresses, ${count} of at most ${inProgress}: ${ended.length} are ended, the oldest`, () => {
      const { come, limits } = arrivals();
      assert.deepEqual(endedOf(come(count, (i) => `198.51.${i >> 8}.${i & 255}`)), ended);
      assert.deepEqual(
        limits,
        ended.map(() => 'HANDSHAKES_IN_PROGRESS'),
      );
    });

  it('are ended after fifteen seconds and not before; one that has sent a request is not, and takes no place', async () => {
    const { clock, come, arrived } = arrivals();
    const [known, silent] = come(2, () => '192.0.2.1');
    assert.ok(known && silent);
    arrived(known);
    assert.deepEqual(endedOf(come(perAddress - 1, () => '192.0.2.1')), []);
    await clock.advance(14_999);
    assert.equal(silent.destroyed, false);
    await clock.advance(1);
    assert.deepEqual([known.destroyed, silent.destroyed], [false, true]);
  });
});
