import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { Backpressure } from '@isthmus/mesh/shares/backpressure.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ask, foreignSession } from '../../fakes/foreign-client.ts';
import { ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { holds, turn } from '../../fakes/turns.ts';
import { identityOf, port, shopIn } from './shop.ts';

const mebibyte = 1024 * 1024;
const limits = { unreadBytes: 2 * mebibyte, maxUnreadBytes: 4 * mebibyte };
/** Of a stream, as the proxy's SETTINGS say. */
const window = 4 * mebibyte;

const answered = (session: ClientHttp2Session): Promise<'answered'> =>
  new Promise((resolve, reject) => {
    session.ping((error: Error | null) => (error ? reject(error) : resolve('answered')));
  });

describe('ztunnel, bytes of one identity that wait for applications', () => {
  let mesh: ProxyMesh;
  const fill = Object.getOwnPropertyDescriptor(Backpressure.prototype, 'fill')!;
  const plain = fill.value as (this: Backpressure, now: boolean) => void;
  let filled: boolean[];
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    filled = [];
    Backpressure.prototype.fill = function (this: Backpressure, now) {
      filled.push(now);
      plain.call(this, now);
    };
  });
  afterEach(async () => {
    Object.defineProperty(Backpressure.prototype, 'fill', fill);
    await mesh.stop();
  });

  async function destination(serve: (socket: Socket) => void, clock: Clock = systemClock) {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [cart] },
      { shares: limits, clock },
    );
    await mesh.serve(mesh.at('18.2'), port, serve);
    const open = (account: string) =>
      foreignSession(mesh.leaf('east', identityOf(account)), mesh.at('17.2'), mesh.at('17.1'));
    const tunnel = async (session: ClientHttp2Session): Promise<ClientHttp2Stream> => {
      const stream = ask(session, `${mesh.at('17.2')}:${port}`);
      const [{ ':status': status }] = (await once(stream, 'response')) as [Record<string, unknown>];
      assert.equal(status, 200);
      return stream;
    };
    return { proxy, open, tunnel };
  }

  it('deliver every byte and reset nothing where applications read slowly: the sessions are not read meanwhile', async () => {
    const each = 12 * mebibyte;
    const totals: number[] = [];
    const { proxy, open, tunnel } = await destination((socket) => {
      const at = totals.push(0) - 1;
      socket.on('data', (bytes) => {
        totals[at]! += bytes.length;
        socket.pause();
        setImmediate(() => socket.resume());
      });
      socket.once('end', () => socket.end());
    });
    const sessions = await Promise.all(['front', 'front', 'front'].map(open));
    const tunnels = await Promise.all(sessions.map(tunnel));
    for (const stream of tunnels) stream.end(Buffer.alloc(each, 'u')).resume();
    await Promise.all(tunnels.map((stream) => once(stream, 'end')));
    assert.deepEqual(totals, [each, each, each]);
    assert.equal(proxy.report().totals.stallsReset, 0);
    assert.ok(filled.includes(true), 'the hard limit was never reached');
    assert.equal(filled.at(-1), false);
    for (const session of sessions) session.destroy();
  });

  it('have the longest stalled tunnels reset where nobody reads; the identity waits until then, and others do not', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, tunnel } = await destination((socket) => {
      socket.once('data', (first: Buffer) => {
        if (first[0] === 'u'.charCodeAt(0)) socket.pause();
        else socket.end(first);
      });
    }, clock);
    const [filling, idle, other] = [await open('front'), await open('front'), await open('other')];
    const good = await tunnel(idle);
    const tunnels: ClientHttp2Stream[] = [];
    for (let i = 0; i < 3; i++) tunnels.push(await tunnel(filling));
    for (const stream of tunnels) stream.resume().write(Buffer.alloc(2 * window, 'u'));
    await holds(() => filled.includes(true));
    const waiting = new Set([idle]);
    void answered(idle).then(() => waiting.delete(idle));
    assert.equal(await answered(other), 'answered');
    assert.ok(waiting.has(idle));
    assert.equal(proxy.report().totals.stallsReset, 0);
    for (let passed = 0; waiting.size > 0; passed += 100) {
      assert.ok(passed < 600_000, 'no stalled tunnel was reset within ten minutes of the proxy');
      await clock.advance(100);
      await turn();
    }
    assert.ok(proxy.report().totals.stallsReset > 0);
    good.end('hello');
    assert.equal(String((await once(good, 'data'))[0]), 'hello');
    for (const session of [filling, idle, other]) session.destroy();
  });
});
