import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import type { EngineDeps } from '@isthmus/ztunnel/engine/engine.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ask, foreignSession } from '../../fakes/foreign-client.ts';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import { ProxyMesh, type Call, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { hostname, identityOf, port, shopIn } from './shop.ts';

const partOfHello = inRecords(helloMessage({ alpn: ['istio'] })).subarray(0, 20);
const garbage = 'GET / HTTP/1.1\r\n\r\n';
const status = async (stream: ReturnType<typeof ask>): Promise<unknown> =>
  ((await once(stream, 'response')) as [Record<string, unknown>])[0][':status'];

describe('ztunnel, what peers may take before they are known', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** A cart that echoes, behind its proxy. */
  async function destination(
    deps: Partial<EngineDeps> = {},
    over: Partial<Workload> = {},
    serve: (socket: Socket) => void = (socket) => void socket.pipe(socket),
  ) {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), ...over });
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [cart] },
      { clock: new FakeClock(Date.now()), ...deps },
    );
    await mesh.serve(mesh.at('18.2'), port, serve);
    return {
      proxy,
      open: (from: string) =>
        foreignSession(mesh.leaf('east', identityOf('front')), mesh.at('17.2'), mesh.at(from)),
      authority: `${mesh.at('17.2')}:${port}`,
    };
  }

  /** West's gateway, before a cart that is called without a handshake of the gateway's. */
  async function eastWest(deps: Partial<EngineDeps> = {}) {
    const shop = shopIn(mesh);
    const cart = shop.pod('west', 'cart', '33.1', { ...shop.serving(shop.granted, '34.1'), ...shop.classic });
    const config = {
      mode: 'gateway',
      cluster: 'west',
      address: mesh.at('33.250'),
      podName: 'eastwest-gateway',
      serviceAccount: 'eastwest-gateway',
    } as const;
    const proxy = await mesh.proxy(
      config,
      { services: [shop.granted], workloads: [cart] },
      { clock: new FakeClock(Date.now()), ...deps },
    );
    await mesh.serve(mesh.at('33.1'), port, (socket) => void socket.pipe(socket));
    const hello = inRecords(helloMessage({ sni: `outbound_.${port}_._.${hostname}`, alpn: ['istio'] }));
    const call = async (from: string) => {
      const calling = await mesh.call(mesh.at(from), mesh.at('33.250'), 15443);
      return calling.echo(hello.toString('latin1'));
    };
    return { proxy, hello, call };
  }

  /** Connections that say nothing, fewer at once than a listener's queue holds. */
  async function knock(count: number, to: string, at = 15008, from = '99.1'): Promise<readonly Call[]> {
    const calls: Call[] = [];
    while (calls.length < count) {
      const some = Array.from({ length: Math.min(100, count - calls.length) }, () =>
        mesh.call(mesh.at(from), mesh.at(to), at),
      );
      calls.push(...(await Promise.all(some)));
    }
    return calls;
  }
  const ended = (calls: readonly Call[]) => calls.filter((one) => one.ended).length;
  const totals = (proxy: TestProxy) => proxy.report().totals;

  /** These many handshakes have begun, and have not ended otherwise than by giving way or by their time. */
  async function begun(proxy: TestProxy, count: number): Promise<void> {
    const seen = () => {
      const { handshakes, handshakesEvicted, handshakesTimedOut } = totals(proxy);
      return handshakes + handshakesEvicted + handshakesTimedOut;
    };
    while (seen() !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The proxy has accepted these many connections that have not ended. */
  async function accepted(proxy: TestProxy, count: number): Promise<void> {
    while (totals(proxy).destinationSockets !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The proxy has refused these many connections before their handshake. */
  async function refusedBefore(proxy: TestProxy, count: number): Promise<void> {
    while (totals(proxy).handshakesRefused !== count) await new Promise((resolve) => setImmediate(resolve));
  }

  it('serves an honest client of the same address while 1,100 connections of it say nothing', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    const calls = await knock(1100, '17.2');
    await begun(proxy, 1100);
    assert.deepEqual(
      [totals(proxy).slots, totals(proxy).handshakes, totals(proxy).handshakesEvicted],
      [0, 512, 588],
    );
    const session = await open('99.1');
    const stream = ask(session, authority);
    assert.equal(await status(stream), 200);
    stream.write('hello');
    assert.equal(String(((await once(stream, 'data')) as [Buffer])[0]), 'hello');
    assert.equal(totals(proxy).slots, 2);
    assert.ok(ended(calls) < calls.length);
    await clock.advance(1000);
    const lines = proxy.logged.filter((one) => one['reason'] === 'HANDSHAKES_PER_ADDRESS');
    assert.deepEqual(
      lines.map(({ from, suppressed }) => [from, suppressed]),
      [
        [mesh.at('99.1'), undefined],
        // The honest one made room for itself as well.
        [mesh.at('99.1'), 589 - 2],
      ],
    );
    session.destroy();
  });

  it('serves an honest client while more addresses than one hold all places', async () => {
    const { proxy, open, authority } = await destination();
    await knock(400, '17.2', 15008, '99.1');
    await knock(400, '17.2', 15008, '99.2');
    await knock(400, '17.2', 15008, '99.3');
    await begun(proxy, 1200);
    assert.equal(totals(proxy).handshakesEvicted, 176);
    const session = await open('17.1');
    assert.equal(await status(ask(session, authority)), 200);
    session.destroy();
  });

  it('takes no slot for a peer that is not known yet', async () => {
    const { proxy, open, authority } = await destination({ mostAtOnce: 2 });
    await knock(20, '17.2');
    await begun(proxy, 20);
    assert.equal(totals(proxy).slots, 0);
    const session = await open('17.1');
    assert.equal(await status(ask(session, authority)), 200);
    assert.deepEqual([totals(proxy).slots, totals(proxy).dropped], [2, 0]);
    session.destroy();
  });

  it('ends a handshake after ten seconds, whatever part of it has come, and says so', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy } = await destination({ clock });
    const [silent, slow] = await knock(2, '17.2');
    assert.ok(silent && slow);
    slow.socket.write(partOfHello);
    await accepted(proxy, 2);
    await clock.advance(9999);
    assert.equal(totals(proxy).handshakes, 2);
    await clock.advance(1);
    await Promise.all([silent.end(), slow.end()]);
    await accepted(proxy, 0);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).handshakesTimedOut], [0, 2]);
    const line = await proxy.warning({ reason: 'HANDSHAKE_TIMEOUT', role: 'hbone', from: mesh.at('99.1') });
    assert.match(String(line['error']), /no handshake was completed within 10000 ms/);
  });

  it('cuts the oldest of an address from one more than its limit on, and no session that is known', async () => {
    const { proxy, open, authority } = await destination({ handshakes: { perAddress: 3 } });
    const sessions = [await open('99.1'), await open('99.1'), await open('99.1'), await open('99.1')];
    const calls = [...(await knock(1, '17.2')), ...(await knock(2, '17.2'))];
    await begun(proxy, 3);
    assert.equal(totals(proxy).handshakesEvicted, 0);
    await knock(1, '17.2');
    await calls[0]?.end();
    assert.equal(ended(calls), 1);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).handshakesEvicted], [3, 1]);
    for (const session of sessions) {
      assert.equal(await status(ask(session, authority)), 200);
      session.destroy();
    }
  });

  it('refuses an address of which 50 handshakes failed in a second, serves others, and soon takes it again', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    const fail = async (count: number) => {
      const calls = await knock(count, '17.2');
      for (const { socket } of calls) socket.write(garbage);
      await Promise.all(calls.map((one) => one.end()));
      await accepted(proxy, 0);
    };
    await fail(49);
    const known = await open('99.1');
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [last] = await knock(1, '17.2');
    last?.socket.write(garbage);
    await last?.end();
    await accepted(proxy, 1);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    const line = await proxy.warning({ reason: 'HANDSHAKES_FAILED' });
    assert.match(String(line['error']), /more than 50 handshakes a second of this address have failed/);
    const other = await open('17.1');
    for (const session of [known, other]) assert.equal(await status(ask(session, authority)), 200);
    const again = await open('99.1');
    for (const session of [known, other, again]) session.destroy();
  });

  it('does not blame an east-west gateway for what strangers send through it', async () => {
    const { proxy, open } = await destination();
    const gateway = shopIn(mesh).pod('east', 'gw', '33.250', { eastWestGateway: true, node: 'other' });
    proxy.tell({ workloads: [gateway] });
    const calls = await knock(200, '17.2', 15008, '33.250');
    for (const { socket } of calls) socket.write(garbage);
    await Promise.all(calls.map((one) => one.end()));
    await accepted(proxy, 0);
    (await open('33.250')).destroy();
    assert.equal(totals(proxy).handshakesRefused, 0);
  });

  /** These many sessions, one after another, that end before a CONNECT. */
  async function emptySessions(
    proxy: TestProxy,
    open: () => ReturnType<typeof foreignSession>,
    count: number,
  ) {
    for (let i = 0; i < count; i++) (await open()).destroy();
    await accepted(proxy, 0);
  }

  it('refuses an address from the 17th session in a second on that ended without a tunnel, and no other', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    await emptySessions(proxy, () => open('99.1'), 16);
    const [failed] = await knock(1, '17.2');
    failed?.socket.write(garbage);
    await failed?.end();
    await emptySessions(proxy, () => open('99.1'), 1);
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    const line = await proxy.warning({ reason: 'HANDSHAKES_FAILED' });
    assert.match(String(line['error']), /have failed or were for nothing/);
    const other = await open('17.1');
    assert.equal(await status(ask(other, authority)), 200);
    const again = await open('99.1');
    assert.equal(await status(ask(again, authority)), 200);
    for (const session of [other, again]) session.destroy();
  });

  it('does not count sessions that had a tunnel, however many there are', async () => {
    const { proxy, open, authority } = await destination();
    for (let i = 0; i < 60; i++) {
      const session = await open('99.1');
      assert.equal(await status(ask(session, authority)), 200);
      session.destroy();
    }
    await accepted(proxy, 0);
    (await open('99.1')).destroy();
    assert.equal(totals(proxy).handshakesRefused, 0);
  });

  it('does not blame an east-west gateway for sessions without a tunnel', async () => {
    const { proxy, open } = await destination();
    const gateway = shopIn(mesh).pod('east', 'gw', '33.250', { eastWestGateway: true, node: 'other' });
    proxy.tell({ workloads: [gateway] });
    await emptySessions(proxy, () => open('33.250'), 60);
    assert.equal(totals(proxy).handshakesRefused, 0);
  });

  it('counts an identity that comes back while it may open no session against its address', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock, shares: { sessions: 1 } });
    const known = await open('17.1');
    assert.equal(await status(ask(known, authority)), 200);
    for (let i = 1; i <= 17; i++) {
      void open('99.1').catch(() => undefined);
      while (totals(proxy).limited < i) await new Promise((resolve) => setImmediate(resolve));
    }
    await accepted(proxy, 1);
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    known.destroy();
  });

  it('does not count an address whose connections come and go without a byte', async () => {
    const { proxy, open } = await destination();
    for (const { socket } of await knock(200, '17.2')) socket.end();
    await accepted(proxy, 0);
    assert.equal(totals(proxy).handshakesRefused, 0);
    (await open('99.1')).destroy();
  });

  it('a declared port is no handshake where the server speaks first, however many come at once', async () => {
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

  describe('at SOCKS5', () => {
    const greeting = Buffer.from([5, 1, 0]);
    /** To the cart's VIP. */
    const request = () => {
      const [a = 0, b = 0, c = 0, d = 0] = mesh.at('20.1').split('.').map(Number);
      return Buffer.from([5, 1, 0, 1, a, b, c, d, port >> 8, port & 255]);
    };
    /** Programs of a pod that bind no address. */
    const programs = async (count: number): Promise<readonly Call[]> => {
      const calls: Call[] = [];
      while (calls.length < count) {
        const some = Array.from({ length: Math.min(100, count - calls.length) }, () =>
          mesh.call('127.0.0.1', mesh.at('17.2'), 15080),
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
      const { proxy } = await destination({ mostAtOnce: 3 });
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
      await proxy.warning({ reason: 'HANDSHAKE_TIMEOUT', role: 'socks', from: mesh.at('17.2') });
    });

    it('counts programs without an address for the pod that they reach, and no other', async () => {
      const clock = new FakeClock(Date.now());
      const { proxy } = await destination({ clock });
      const front = shopIn(mesh).pod('east', 'front', '17.1');
      proxy.tell({ workloads: [front] });
      const calls = await programs(50);
      for (const { socket } of calls) socket.write('GET / HTTP/1.1\r\n\r\n');
      await Promise.all(calls.map((one) => one.end()));
      await socksAccepted(proxy, 0);
      const [refused] = await programs(1);
      await proxy.warning({ reason: 'HANDSHAKES_FAILED', from: mesh.at('17.2') });
      assert.equal(totals(proxy).handshakesRefused, 1);
      const other = await mesh.call('127.0.0.1', mesh.at('17.1'), 15080);
      other.socket.write(greeting);
      await other.until('\u0005\u0000');
      await clock.advance(1000);
      await refused?.end();
      const [again] = await programs(1);
      again?.socket.write(greeting);
      await again?.until('\u0005\u0000');
    });
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

  it('gateway, 15443: what is no hello counts against its address, and a hello that is refused does not', async () => {
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
