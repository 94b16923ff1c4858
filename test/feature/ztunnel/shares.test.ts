import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ShareLimits } from '@isthmus/mesh/shares/peer-share.ts';
import { ask, foreignSession } from '../../fakes/foreign-client.ts';
import { data, headers, reset } from '../../attack/frames.ts';
import { connectBlock, literal } from '../../attack/hpack.ts';
import { RawSession } from '../../attack/raw-session.ts';
import { ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { settled } from '../../fakes/turns.ts';
import { identityOf, port, shopIn } from './shop.ts';

const echo = (socket: Socket) => void socket.pipe(socket);
const status = async (stream: ReturnType<typeof ask>): Promise<unknown> =>
  ((await once(stream, 'response')) as [Record<string, unknown>])[0][':status'];

describe('ztunnel, what one identity may take', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  async function destination(shares: Partial<ShareLimits>, serve: (socket: Socket) => void = echo) {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', shop.serving(shop.cart, '18.2'));
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [cart, shop.pod('east', 'other', '17.3')] },
      { shares },
    );
    await mesh.serve(mesh.at('18.2'), port, serve);
    const open = (account: string) =>
      foreignSession(mesh.leaf('east', identityOf(account)), mesh.at('17.2'), mesh.at('17.1'));
    return { proxy, open, authority: `${mesh.at('17.2')}:${port}` };
  }

  it('refuses a stream beyond the share, over all its sessions, and takes it when one has ended', async () => {
    const { proxy, open, authority } = await destination({ streams: 2 });
    const [one, two, other] = [await open('front'), await open('front'), await open('other')];
    const first = ask(one, authority);
    assert.equal(await status(first), 200);
    assert.equal(await status(ask(two, authority)), 200);
    assert.equal(await status(ask(one, authority)), 503);
    assert.equal(await status(ask(other, authority)), 200);
    assert.equal(proxy.report().totals.limited, 1);
    const closed = once(first, 'close');
    first.resume().end();
    await closed;
    assert.equal(await status(ask(two, authority)), 200);
    for (const session of [one, two, other]) session.destroy();
  });

  it('takes no session beyond the share, and says why', async () => {
    const { proxy, open, authority } = await destination({ sessions: 1 });
    const one = await open('front');
    assert.equal(await status(ask(one, authority)), 200);
    void open('front').catch(() => undefined);
    const { error } = await proxy.warning({ reason: 'PEER_LIMIT_SESSIONS' });
    assert.match(String(error), /front has used up its share of SESSIONS/);
    const other = await open('other');
    assert.equal(await status(ask(other, authority)), 200);
    for (const session of [one, other]) session.destroy();
  });

  it('ends a session that resets without end, keeps its identity out, and serves others', async () => {
    const { proxy, open, authority } = await destination({ resetBurst: 100, resetsPerSecond: 1 });
    const [attacker, other] = [await open('front'), await open('other')];
    let over = false;
    const flood = () => {
      if (over || attacker.destroyed || attacker.closed) return;
      for (let i = 0; i < 50; i++) ask(attacker, authority).close(8);
      setImmediate(flood);
    };
    flood();
    await proxy.warning({ reason: 'PEER_LIMIT_RESETS' });
    over = true;
    // The other one's session alone is left.
    while (proxy.report().totals.open > 1) await new Promise((resolve) => setImmediate(resolve));
    const again = open('front').then(
      () => 'let in',
      () => 'kept out',
    );
    assert.equal(await status(ask(other, authority)), 200);
    assert.equal(await Promise.race([again, settled().then(() => 'waits')]), 'waits');
    other.destroy();
  });

  it('counts streams with headers beyond the limits as resets, ends the session at one too many, and says so', async () => {
    const { proxy, authority } = await destination({ resetBurst: 5, resetsPerSecond: 0 });
    const { key, chain } = mesh.leaf('east', identityOf('front'));
    const at = { host: mesh.at('17.2'), port: 15_008, localAddress: mesh.at('17.1') };
    const session = await RawSession.open({ ...at, key, chain });
    assert.ok(session);
    const bomb = connectBlock(authority, ...Array.from({ length: 200 }, () => literal('cookie', 'a=b')));
    for (let stream = 1; stream <= 11; stream += 2) await session.send(headers(stream, bomb));
    // The newest stream does not count yet.
    await session.send(headers(13, bomb));
    await session.closed;
    await proxy.warning({ reason: 'PEER_LIMIT_RESETS' });
    const { error } = await proxy.warning({ reason: 'SESSION_BROKEN' });
    assert.match(String(error), /their headers were larger than a server takes/);
    assert.equal(proxy.report().totals.sessionsBroken, 1);
  });

  it('counts a session that its peer broke, says so, and keeps an identity out that does it again and again', async () => {
    const { proxy, open, authority } = await destination({ resetBurst: 100, resetsPerSecond: 0 });
    const { key, chain } = mesh.leaf('east', identityOf('front'));
    const at = { host: mesh.at('17.2'), port: 15_008, localAddress: mesh.at('17.1') };
    for (let i = 1; i <= 3; i++) {
      const session = await RawSession.open({ ...at, key, chain });
      await session?.send(data(1));
      await session?.closed;
      assert.equal(proxy.report().totals.sessionsBroken, i);
    }
    const { error } = await proxy.warning({ reason: 'SESSION_BROKEN' });
    assert.match(String(error), /front/);
    const other = await open('other');
    assert.equal(await status(ask(other, authority)), 200);
    other.destroy();
    void open('front').catch(() => undefined);
    await proxy.warning({ reason: 'PEER_LIMIT_RESETS' });
  });

  it('takes no more CONNECTs on a session that asks again and again for what its share refuses; its tunnels live on', async () => {
    const limits = { streams: 1, refusalBurst: 10, refusalsPerSecond: 0 };
    const { proxy, open, authority } = await destination(limits);
    const session = await open('front');
    const tunnel = ask(session, authority);
    assert.equal(await status(tunnel), 200);
    for (let i = 1; i <= 10; i++) assert.equal(await status(ask(session, authority)), 503);
    assert.equal(session.closed, false);
    const gone = once(session, 'goaway');
    assert.equal(await status(ask(session, authority)), 503);
    await gone;
    const { error } = await proxy.warning({ reason: 'PEER_LIMIT_REFUSALS' });
    assert.match(String(error), /front has used up its share of REFUSALS/);
    tunnel.write('hello');
    assert.equal(String((await once(tunnel, 'data'))[0]), 'hello');
    const again = await open('front');
    const closed = once(tunnel, 'close');
    tunnel.resume().end();
    await closed;
    assert.equal(await status(ask(again, authority)), 200);
    again.destroy();
  });

  it('ends a session that resets with NO_ERROR without end, and serves others', async () => {
    const { proxy, open, authority } = await destination({ resetBurst: 10, resetsPerSecond: 0 });
    const { key, chain } = mesh.leaf('east', identityOf('front'));
    const at = { host: mesh.at('17.2'), port: 15_008, localAddress: mesh.at('17.1') };
    const session = await RawSession.open({ ...at, key, chain });
    const block = connectBlock(authority);
    for (let stream = 1; stream <= 41; stream += 2)
      await session?.send(Buffer.concat([headers(stream, block), reset(stream, 0)]));
    await session?.closed;
    await proxy.warning({ reason: 'PEER_LIMIT_RESETS' });
    const other = await open('other');
    assert.equal(await status(ask(other, authority)), 200);
    other.destroy();
  });

  it('does not count resets of tunnels that carried something', async () => {
    const { open, authority } = await destination({ resetBurst: 2, resetsPerSecond: 0 });
    const session = await open('front');
    for (let i = 0; i < 20; i++) {
      const stream = ask(session, authority);
      stream.write('hello');
      await once(stream, 'data');
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.close(8);
      await closed;
    }
    assert.equal(await status(ask(session, authority)), 200);
    session.destroy();
  });

  it('resets the tunnel that has waited longest for its reader when the share of bytes is used up', async () => {
    const pour = (socket: Socket) => {
      const write = () => {
        while (socket.writable && socket.write(Buffer.alloc(64 * 1024)));
      };
      socket.on('drain', write).on('error', () => undefined);
      write();
    };
    const { proxy, open, authority } = await destination({ unsentBytes: 600_000 }, pour);
    const session = await open('front');
    const tunnels = [];
    // While the share is used up, nothing is added to it.
    while (proxy.lines.length === 0) {
      const stream = ask(session, authority);
      if ((await status(stream)) === 200) tunnels.push(stream);
      else {
        stream.resume().end();
        // Refusals have a limit a second, so they are spaced in real time, as the proxy's clock is.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const [first] = tunnels;
    while (!first!.closed) await new Promise((resolve) => setImmediate(resolve));
    const left = tunnels.map(({ closed }) => !closed);
    assert.equal(proxy.report().totals.stallsReset >= 1, true);
    assert.equal(left.at(-1), true, 'the latest is still open');
    assert.equal(left.lastIndexOf(false) < left.indexOf(true), true, 'none was reset before an older one');
    session.destroy();
  });
});
