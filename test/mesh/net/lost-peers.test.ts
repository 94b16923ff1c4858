import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { LostPeers } from '@isthmus/mesh/net/node/lost-peers.ts';
import { NodeStream, nodeStreamOf } from '@isthmus/mesh/net/node/node-stream.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls } from '@isthmus/mesh/tls/node/node-tls.ts';
import { Heard } from '../../conformance/byte-stream.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { never } from '../../fakes/http2-ends.ts';
import { settled, standsStill } from '../../fakes/turns.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();
const credentials = authority.leaf(identity);
const layer = 'hbone' as const;
const tls = { clock: systemClock, timeoutMillis: 5000, alpn: ['h2'], layer, table: tableOf(authority) };
const dialling = { ...tls, credentials, expect: expectNames(identity), cluster: 'east' };

const codeOf = (socket: Socket): Promise<string | undefined> =>
  once(socket, 'error').then(([error]: NodeJS.ErrnoException[]) => error?.code);

describe('peers that are lost while nobody reads', () => {
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

  /** A stream that has a receiver and is paused. */
  async function paused() {
    const clock = new FakeClock();
    const { client, server } = await pair();
    const stream = new NodeStream(server, undefined, new LostPeers(clock));
    const heard = new Heard();
    stream.receive(heard);
    return { clock, client, server, stream, heard };
  }

  it('a stream that is not read is closed by a reset of its peer', async () => {
    const { clock, client, server, heard } = await paused();
    client.write('what nobody reads');
    const code = codeOf(server);
    client.resetAndDestroy();
    await settled();
    assert.ok(!server.destroyed, 'Node sees it by itself: this is not needed any more');
    await clock.advance(249);
    assert.ok(!server.destroyed);
    await clock.advance(1);
    assert.equal(await code, 'ECONNRESET');
    assert.deepEqual(heard.events, ['reset']);
  });

  it('a stream that was paused later is looked at too, however long it has been idle', async () => {
    const { clock, client, server, stream, heard } = await paused();
    stream.resume();
    await clock.advance(3000);
    assert.equal(clock.pending, 0, 'nothing is looked at while it is read');
    stream.pause();
    // More than Node reads by itself.
    client.write(Buffer.alloc(1024 * 1024));
    await standsStill(() => server.bytesRead);
    client.resetAndDestroy();
    await settled();
    assert.ok(!server.destroyed);
    await clock.advance(250);
    await heard.closed();
  });

  it('a stream whose peer has only ended, or is only quiet, is left alone and sends nothing', async () => {
    const { clock, client, server, stream, heard } = await paused();
    client.end('the last word');
    await clock.advance(3000);
    assert.ok(!server.destroyed);
    assert.equal(server.bytesWritten, 0);
    stream.resume();
    await heard.until(() => heard.events.includes('end'));
    assert.equal(heard.text, 'the last word');
  });

  it('a stream that has sent its end is not asked: its kernel refuses every further write', async () => {
    const { clock, client, server, stream } = await paused();
    stream.end();
    await once(client.resume(), 'end');
    await clock.advance(3000);
    assert.ok(!server.destroyed);
  });

  /**
   * A stream that has read so many bytes, and whose peer then sends more and resets, before anybody comes to read it: as
   * in a process that has much else to do. Gives what was read when the reset is seen.
   */
  async function busyWith(bytes: number): Promise<number> {
    const { clock, client, server, stream, heard } = await paused();
    stream.resume();
    client.write(Buffer.alloc(bytes));
    await standsStill(() => heard.bytes.length);
    client.write(Buffer.alloc(1024 * 1024));
    const code = codeOf(server);
    client.resetAndDestroy();
    await clock.advance(250);
    assert.equal(await code, 'ECONNRESET');
    return heard.bytes.length;
  }

  it('a stream that is busy is closed before all is read that its peer sent before the reset', async () => {
    for (const bytes of [16 * 1024, 16 * 1024 + 1]) assert.equal(await busyWith(bytes), bytes);
  });

  it('a stream that carries less is not asked, and read until its reset', async () => {
    assert.ok((await busyWith(16 * 1024 - 1)) > 16 * 1024);
  });

  it('what is written counts like what is read', async () => {
    const { clock, client, stream } = await paused();
    client.resume();
    stream.resume();
    await clock.advance(250);
    stream.write(Buffer.alloc(16 * 1024 - 1));
    assert.equal(clock.pending, 0);
    stream.write(Buffer.alloc(1));
    assert.equal(clock.pending, 1);
  });

  it('nothing is watched and no timer runs once the stream has closed', async () => {
    const { clock, stream, heard } = await paused();
    stream.reset();
    await heard.closed();
    await clock.advance(250);
    assert.equal(clock.pending, 0);
  });

  it('what was handed over is not watched: what reads it from then on is', async () => {
    const { clock, stream } = await paused();
    stream.handOver();
    await clock.advance(250);
    assert.equal(clock.pending, 0);
  });

  it('the wire of a stream is found through TLS, and there is none once TLS has sent its end', async () => {
    const { client, server } = await pair();
    const accepting = acceptTls(new NodeStream(server), { ...tls, credentials });
    const { stream } = await dialTls(new NodeStream(client), dialling);
    assert.equal(nodeStreamOf((await accepting).stream).wire, server);
    assert.equal(nodeStreamOf(stream).wire, client);
    stream.end();
    assert.equal(nodeStreamOf(stream).wire, undefined);
  });

  it('a session that waits to write is closed when its connection was reset', async () => {
    const clock = new FakeClock();
    const lost = new LostPeers(clock);
    const [{ client, server: middle }, { client: onward, server }] = [await pair(), await pair()];
    middle.pipe(onward.resume()).pipe(middle);
    middle.on('error', () => undefined);
    const accepting = acceptTls(new NodeStream(server, undefined, lost), { ...tls, credentials });
    const dialled = await dialTls(new NodeStream(client), dialling);
    const accepted = await accepting;
    const answers: ByteStream[] = [];
    const http2 = nodeHttp2(systemClock);
    const session = http2.server(accepted.stream, (incoming) => void answers.push(incoming.accept({})));
    const closed = new Promise((resolve) => session.onClose(resolve));
    const caller = await http2.client(dialled.stream, 5000);
    for (let one = 0; one < 4; one++) {
      const { stream } = await caller.connect({ authority: '10.0.0.1:80', headers: {} }, never);
      stream.receive(new Heard());
      stream.resume();
    }
    onward.unpipe().pause();
    // More than the kernel takes, within the windows of four streams.
    for (const answer of answers) answer.write(Buffer.alloc(4 * 1024 * 1024));
    await standsStill(() => server.bytesWritten);
    onward.resetAndDestroy();
    await settled();
    await clock.advance(250);
    await closed;
    for (const answer of answers) assert.ok(answer.closed);
    caller.destroy();
  });
});
