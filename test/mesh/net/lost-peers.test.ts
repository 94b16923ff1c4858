import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { nodeHttp2 } from '@isthmus/mesh/http2/node-http2.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { wireOf } from '@isthmus/mesh/net/wire.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls } from '@isthmus/mesh/tls/handshake.ts';
import { onDuplex } from '../../fakes/duplex-sessions.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { never } from '../../fakes/http2-ends.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();
const credentials = authority.leaf(identity);
const layer = 'hbone' as const;
const tls = { clock: systemClock, timeoutMillis: 5000, alpn: ['h2'], layer, table: tableOf(authority) };

const codeOf = (socket: Socket): Promise<string | undefined> =>
  once(socket, 'error').then(([error]: NodeJS.ErrnoException[]) => error?.code);

const nothing = { sent: 0, received: 0 };

/** Until nothing more is read or written for 200 ms: what is in the kernel's hands is there. */
async function still(count: () => number): Promise<void> {
  for (let last = -1; last !== count();) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe('peers that are lost while their tunnel stands still', () => {
  const sockets: Socket[] = [];
  const pair = async () => {
    const ends = await socketPair();
    sockets.push(
      ends.client.on('error', () => undefined),
      ends.server,
    );
    return ends;
  };
  afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));

  /** A tunnel between two connections, whose near side is paused. */
  async function paused() {
    const clock = new FakeClock();
    const lost = new LostPeers(clock);
    const [near, far] = [await pair(), await pair()];
    near.server.pause();
    far.server.on('error', () => undefined).resume();
    return {
      clock,
      near,
      far,
      unwatch: lost.watch(new NodeStream(near.server), new NodeStream(far.server), nothing),
    };
  }

  it('a side that is not read is destroyed by a reset of its peer', async () => {
    const { clock, near } = await paused();
    near.client.write('what nobody reads');
    const code = codeOf(near.server);
    near.client.resetAndDestroy();
    await still(() => 0);
    assert.ok(!near.server.destroyed, 'Node sees it by itself: this is not needed any more');
    await clock.advance(249);
    assert.ok(!near.server.destroyed);
    await clock.advance(1);
    assert.equal(await code, 'ECONNRESET');
  });

  it('a side whose peer has only ended, or is only quiet, is left alone and sends nothing', async () => {
    const { clock, near, far } = await paused();
    near.client.end('the last word');
    await clock.advance(3000);
    assert.ok(!near.server.destroyed && !far.server.destroyed);
    assert.equal(near.server.bytesWritten, 0);
    near.server.resume();
    const [word] = (await once(near.server, 'data')) as [Buffer];
    assert.equal(word.toString(), 'the last word');
  });

  it('a side that has sent its end is not asked: its kernel refuses every further write', async () => {
    const { clock, near } = await paused();
    near.server.end();
    await once(near.client.resume(), 'end');
    await clock.advance(3000);
    assert.ok(!near.server.destroyed);
  });

  /**
   * A tunnel whose near side has carried so many bytes, and whose peer then sends more and resets, before anybody comes to
   * read it: as in a process that has much else to do. Gives what was read when the reset is seen.
   */
  async function busyWith(bytes: number): Promise<number> {
    const clock = new FakeClock();
    const [near, far] = [await pair(), await pair()];
    const carried = { sent: 0, received: 0 };
    new LostPeers(clock).watch(new NodeStream(near.server), new NodeStream(far.server.resume()), carried);
    near.server.on('data', (chunk: Buffer) => (carried.sent += chunk.length)).resume();
    near.client.write(Buffer.alloc(bytes));
    await still(() => carried.sent);
    near.client.write(Buffer.alloc(1024 * 1024));
    const code = codeOf(near.server);
    near.client.resetAndDestroy();
    await clock.advance(250);
    assert.equal(await code, 'ECONNRESET');
    return carried.sent;
  }

  it('a side that is busy is destroyed before all is read that its peer sent before the reset', async () => {
    for (const bytes of [16 * 1024, 16 * 1024 + 1]) assert.equal(await busyWith(bytes), bytes);
  });

  it('a side that carries less is not asked, and read until its reset', async () => {
    assert.ok((await busyWith(16 * 1024 - 1)) > 16 * 1024);
  });

  it('nothing is watched and no timer runs once the tunnel has ended', async () => {
    const { clock, near, unwatch } = await paused();
    unwatch();
    near.client.resetAndDestroy();
    await clock.advance(3000);
    assert.ok(!near.server.destroyed);
    assert.equal(clock.pending, 0);
  });

  it('the wire of a stream is found through TLS, and there is none once TLS has sent its end', async () => {
    const { client, server } = await pair();
    const accepting = acceptTls(server, { ...tls, credentials });
    const { socket } = await dialTls(client, {
      ...tls,
      credentials,
      expect: expectNames(identity),
      cluster: 'east',
    });
    assert.equal(wireOf((await accepting).socket), server);
    assert.equal(wireOf(socket), client);
    socket.end();
    assert.equal(wireOf(socket), undefined);
  });

  it('a session that waits to write is closed when its connection was reset', async () => {
    const clock = new FakeClock();
    const lost = new LostPeers(clock);
    const [{ client, server: middle }, { client: onward, server }] = [await pair(), await pair()];
    middle.pipe(onward.resume()).pipe(middle);
    const accepting = acceptTls(server, { ...tls, credentials });
    const dialled = await dialTls(client, {
      ...tls,
      credentials,
      expect: expectNames(identity),
      cluster: 'east',
    });
    const { socket } = await accepting;
    const answers: Duplex[] = [];
    const http2 = onDuplex(nodeHttp2(systemClock));
    const session = http2.server(socket, (incoming) => {
      answers.push(incoming.accept({}).on('error', () => undefined));
    });
    const closed = new Promise((resolve) => session.onClose(resolve));
    const caller = await http2.client(dialled.socket, 5000);
    for (let one = 0; one < 4; one++) {
      const { stream } = await caller.connect({ authority: '10.0.0.1:80', headers: {} }, never);
      stream.on('error', () => undefined).resume();
    }
    onward.unpipe().pause();
    // More than the kernel takes, within the windows of four streams.
    for (const answer of answers) {
      answer.write(Buffer.alloc(4 * 1024 * 1024));
      lost.watch(new NodeStream(answer.pause()), new NodeStream(middle), nothing);
    }
    await still(() => socket.bytesWritten);
    onward.resetAndDestroy();
    await still(() => 0);
    await clock.advance(250);
    await closed;
    for (const answer of answers) assert.ok(answer.destroyed);
    caller.destroy();
  });
});
