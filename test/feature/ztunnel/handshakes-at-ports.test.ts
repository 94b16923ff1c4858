import assert from 'node:assert/strict';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import type { Call } from '../../fakes/proxy-mesh.ts';
import { garbage, knocking, partOfHello, totals } from './knocking.ts';
import { port } from './shop.ts';

describe('ztunnel, peers that are not known yet at declared ports and gateways', () => {
  const world = knocking();
  const { destination, eastWest, knock, begun } = world;

  it('a declared port is not a handshake where the server speaks first, however many come at once', async () => {
    const { proxy } = await destination({ clock: systemClock }, { classicClients: true }, (socket) =>
      socket.write('greeting'),
    );
    const calls = await knock(600, '17.2', port);
    await Promise.all(calls.map((one) => one.until('greeting')));
    assert.equal(totals(proxy).handshakesEvicted, 0);
    assert.equal(totals(proxy).handshakes, 0);
  });

  it('a hello that was begun at a declared port gives its slot back, and is ended after ten seconds', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy } = await destination({ clock }, { classicClients: true });
    const calls = await knock(3, '17.2', port);
    for (const { socket } of calls) socket.write(partOfHello);
    while (totals(proxy).handshakes !== 3) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(totals(proxy).slots, 0);
    await clock.advance(10_000);
    await Promise.all(calls.map((one) => one.end()));
    assert.equal(totals(proxy).handshakesTimedOut, 3);
    const line = await proxy.line({ direction: 'inbound' });
    assert.match(line['error'] ?? '', /^UNREADABLE_HELLO: no handshake was completed within 10000 ms/);
  });

  it('a hello of other TLS at a declared port is carried on in a slot', async () => {
    const { proxy } = await destination({}, { classicClients: true });
    const hello = inRecords(helloMessage({ alpn: ['h2'] })).toString('latin1');
    const [call] = await knock(1, '17.2', port);
    assert.ok(call);
    call.socket.write(hello.slice(0, 20), 'latin1');
    while (totals(proxy).handshakes !== 1) await new Promise((resolve) => setImmediate(resolve));
    call.socket.write(hello.slice(20), 'latin1');
    assert.equal(await call.until(hello), hello);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).slots], [0, 1]);
  });

  for (const at of [15008, 15443])
    it(`gateway, ${at}: silent connections take no slot, give way to newer ones and end after ten seconds`, async () => {
      const clock = new FakeClock(Date.now());
      const { proxy, call } = await eastWest({ clock });
      const calls = await knock(600, '33.250', at);
      await begun(proxy, 600);
      assert.deepEqual(
        [totals(proxy).slots, totals(proxy).handshakes, totals(proxy).handshakesEvicted],
        [0, 512, 88],
      );
      await call('99.1');
      await call('17.1');
      assert.equal(totals(proxy).slots, 2);
      await clock.advance(10_000);
      await Promise.all(calls.map((one) => one.end()));
      assert.equal(totals(proxy).handshakes, 0);
      assert.equal(totals(proxy).handshakesTimedOut, 511);
    });

  /** A limit of three stands for that of 512: connections of one address, and how many of them give way. */
  const handshakes = { perAddress: 3 };
  const edges = [
    [2, 0],
    [3, 0],
    [4, 1],
  ] as const;
  const ports = [
    ['a gateway’s 15008', 15008, '33.250', () => eastWest({ handshakes })],
    ['a gateway’s 15443', 15443, '33.250', () => eastWest({ handshakes })],
    ['a destination’s 15008', 15008, '17.2', () => destination({ handshakes })],
    ['a declared port', port, '17.2', () => destination({ handshakes }, { classicClients: true })],
  ] as const;
  for (const [what, at, to, open] of ports)
    for (const [count, evicted] of edges)
      it(`${what}: of ${count} handshakes of one address where 3 may be in progress ${evicted} give way, the oldest`, async () => {
        const { proxy } = await open();
        // Of another address and older than all: it stays. At a declared port, only what has said something counts.
        await knock(1, to, at, '99.2');
        const calls: Call[] = [];
        for (let i = 1; i <= count; i++) {
          calls.push(...(await knock(1, to, at)));
          calls.at(-1)?.socket.write(partOfHello);
          await begun(proxy, at === port ? i : i + 1);
        }
        if (evicted > 0) await calls[0]?.end();
        assert.deepEqual(
          calls.map((one) => one.ended),
          calls.map((_, i) => i < evicted),
        );
        assert.equal(totals(proxy).handshakesEvicted, evicted);
        if (evicted > 0) {
          const line = await proxy.warning({ reason: 'HANDSHAKES_PER_ADDRESS' });
          assert.match(String(line['error']), /^3 handshakes of this address were in progress/);
        }
      });

  it('gateway, 15443: what is not a hello counts against its address, and a hello that is refused does not', async () => {
    const { proxy, call } = await eastWest();
    const refused = inRecords(helloMessage({ sni: 'elsewhere.example', alpn: ['istio'] }));
    const say = async (bytes: Buffer | string, count: number) => {
      const calls = await knock(count, '33.250', 15443);
      for (const { socket } of calls) socket.write(bytes);
      await Promise.all(calls.map((one) => one.end()));
    };
    await say(refused, 200);
    await call('99.1');
    assert.equal(totals(proxy).handshakesRefused, 0);
    await say(garbage, 50);
    const [shut] = await knock(1, '33.250', 15443);
    assert.ok(shut);
    while (totals(proxy).handshakesRefused === 0) await new Promise((resolve) => setImmediate(resolve));
    await call('17.1');
  });
});
