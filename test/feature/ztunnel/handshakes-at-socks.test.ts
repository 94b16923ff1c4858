import assert from 'node:assert/strict';
import { FakeClock } from '../../fakes/clock.ts';
import type { Call, TestProxy } from '../../fakes/proxy-mesh.ts';
import { knocking, totals } from './knocking.ts';
import { port, shopIn } from './shop.ts';

describe('ztunnel, programs at SOCKS5 that have not said where to', () => {
  const world = knocking();
  const { destination, begun } = world;

  const greeting = Buffer.from([5, 1, 0]);
  /** To the cart's VIP. */
  const request = () => {
    const [a = 0, b = 0, c = 0, d = 0] = world.mesh.at('20.1').split('.').map(Number);
    return Buffer.from([5, 1, 0, 1, a, b, c, d, port >> 8, port & 255]);
  };
  /** Programs of a pod that bind no address. */
  const programs = async (count: number): Promise<readonly Call[]> => {
    const calls: Call[] = [];
    while (calls.length < count) {
      const some = Array.from({ length: Math.min(100, count - calls.length) }, () =>
        world.mesh.call('127.0.0.1', world.mesh.at('17.2'), 15080),
      );
      calls.push(...(await Promise.all(some)));
    }
    return calls;
  };
  const granted = async (call: Call) => {
    call.socket.write(Buffer.concat([greeting, request()]));
    await call.until('\u0005\u0000\u0005\u0000');
  };
  const socksAccepted = async (proxy: TestProxy, count: number) => {
    while (totals(proxy).sourceSockets !== count) await new Promise((resolve) => setImmediate(resolve));
  };

  it('takes no slot from a program that says nothing, and one once it has said where to', async () => {
    const { proxy } = await destination({ maxAtOnce: 3 });
    const calls = await programs(20);
    await begun(proxy, 20);
    assert.equal(totals(proxy).slots, 0);
    const [first] = calls;
    assert.ok(first);
    await granted(first);
    // The program, the session to its own proxy, and the CONNECT on it.
    assert.deepEqual([totals(proxy).slots, totals(proxy).handshakes, totals(proxy).dropped], [3, 19, 0]);
  });

  for (const [count, evicted] of [
    [511, 0],
    [512, 0],
    [513, 1],
  ] as const)
    it(`lets ${count} programs of one pod wait, of which ${evicted} give way to others`, async () => {
      const { proxy } = await destination();
      const calls = await programs(count);
      await begun(proxy, count);
      assert.equal(totals(proxy).handshakesEvicted, evicted);
      const last = calls.at(-1);
      assert.ok(last);
      await granted(last);
    });

  it('ends a program after ten seconds, whatever part of its request has come', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy } = await destination({ clock });
    const [silent, slow] = await programs(2);
    assert.ok(silent && slow);
    slow.socket.write(greeting);
    await slow.until('\u0005\u0000');
    await begun(proxy, 2);
    await clock.advance(9999);
    assert.equal(totals(proxy).handshakes, 2);
    await clock.advance(1);
    await Promise.all([silent.end(), slow.end()]);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).handshakesTimedOut], [0, 2]);
    await proxy.warning({ reason: 'HANDSHAKE_TIMEOUT', role: 'socks', from: world.mesh.at('17.2') });
  });

  it('counts programs without an address for the pod that they reach, and no other', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy } = await destination({ clock });
    const front = shopIn(world.mesh).pod('east', 'front', '17.1');
    proxy.tell({ workloads: [front] });
    const calls = await programs(50);
    for (const { socket } of calls) socket.write('GET / HTTP/1.1\r\n\r\n');
    await Promise.all(calls.map((one) => one.end()));
    await socksAccepted(proxy, 0);
    const [refused] = await programs(1);
    await proxy.warning({ reason: 'HANDSHAKES_FAILED', from: world.mesh.at('17.2') });
    assert.equal(totals(proxy).handshakesRefused, 1);
    const other = await world.mesh.call('127.0.0.1', world.mesh.at('17.1'), 15080);
    other.socket.write(greeting);
    await other.until('\u0005\u0000');
    await clock.advance(1000);
    await refused?.end();
    const [again] = await programs(1);
    again?.socket.write(greeting);
    await again?.until('\u0005\u0000');
  });
});
