import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { relay } from '@isthmus/mesh/net/relay.ts';
import { NodeStream, nodeStreamOf } from '@isthmus/mesh/net/node/node-stream.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { onDuplex } from '../../fakes/duplex-sessions.ts';
import { securedPair } from '../../fakes/secured-pair.ts';
import { acceptTls, dialTls } from '../../fakes/tls-on-sockets.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { settled } from '../../fakes/turns.ts';

describe('mesh/net relay', () => {
  it('copies both ways, counts, and ends each direction by itself', async () => {
    const [left, right] = [await socketPair(), await socketPair()];
    const counters = { sent: 0, received: 0 };
    const ended = relay(new NodeStream(left.server), new NodeStream(right.client), counters);
    right.server.on('data', () => undefined);
    right.server.on('end', () => right.server.end('and the answer comes after the end')).resume();
    left.client.end('the question');
    let answer = '';
    left.client.on('data', (chunk: Buffer) => (answer += String(chunk)));
    await once(left.client, 'end');
    assert.equal(answer, 'and the answer comes after the end');
    assert.deepEqual(await ended, { error: undefined });
    assert.deepEqual(counters, { sent: 12, received: 34 });
  });

  /** How a connection ended for its holder: the error's code, or whether its input ended. */
  const endOf = (socket: Duplex): Promise<string> =>
    new Promise((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once('end', () => resolve('end')).resume();
    });

  for (const from of ['left', 'right'] as const)
    it(`a reset of the ${from} side is a reset of the other, though it had ended its own direction`, async () => {
      const [left, right] = [await socketPair(), await socketPair()];
      const ended = relay(new NodeStream(left.server), new NodeStream(right.client), {
        sent: 0,
        received: 0,
      });
      const [broken, kept] = from === 'left' ? [left.client, right.server] : [right.server, left.client];
      kept.end('the question');
      await once(broken.resume(), 'end');
      const seen = endOf(kept);
      broken.resetAndDestroy();
      assert.equal(await seen, 'ECONNRESET');
      assert.deepEqual(await ended, { error: undefined });
    });

  it('resets both sides while unread data waits', async () => {
    const [left, right] = [await socketPair(), await socketPair()];
    const ended = relay(new NodeStream(left.server), new NodeStream(right.client), { sent: 0, received: 0 });
    const write = () => {
      if (right.server.write(Buffer.alloc(1 << 20))) setImmediate(write);
    };
    right.server.on('drain', write);
    const seen = endOf(right.server);
    write();
    await once(left.client, 'readable');
    left.client.resetAndDestroy();
    assert.match(await seen, /ECONNRESET|EPIPE/);
    await ended;
    assert.deepEqual([left.server.destroyed, right.client.destroyed], [true, true]);
  });

  it('ends where one side takes no more while the end of the other waits behind bytes that it did not take', async () => {
    const near = await socketPair();
    const far = new Duplex({ read: () => undefined, write: () => undefined, writableHighWaterMark: 1 });
    const ended = relay(new NodeStream(near.server), new NodeStream(far), { sent: 0, received: 0 });
    near.client.end('more than is taken');
    await once(near.server, 'end');
    far.push(null);
    await once(far, 'end');
    far.destroy();
    assert.equal(await endOf(near.client), 'end');
    assert.deepEqual(await ended, { error: undefined });
  });

  it('passes on an end that came before the relay began', async () => {
    const [left, right] = [await socketPair(), await socketPair()];
    const near = new NodeStream(left.server);
    left.server.read(0);
    left.client.end();
    await once(left.server, 'end');
    const ended = relay(near, new NodeStream(right.client), { sent: 0, received: 0 });
    await once(right.server.resume(), 'end');
    right.server.end();
    assert.equal(await endOf(left.client), 'end');
    assert.deepEqual(await ended, { error: undefined });
  });

  it('a reset goes through TLS too', async () => {
    const { client, server } = await socketPair();
    const authority = makeAuthority();
    const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
    const common = {
      clock: systemClock,
      timeoutMillis: 5000,
      alpn: ['istio'],
      layer: 'istio-mtls' as const,
      table: tableOf(authority),
    };
    const [accepted, dialled] = await Promise.all([
      acceptTls(server, { ...common, credentials: authority.leaf(identity) }),
      dialTls(client, {
        ...common,
        credentials: authority.leaf(identity),
        expect: expectNames(identity),
        cluster: 'east',
      }),
    ]);
    const plain = await socketPair();
    const ended = relay(new NodeStream(plain.server), dialled.stream, {
      sent: 0,
      received: 0,
    });
    const seen = endOf(accepted.socket);
    plain.client.write('part');
    await once(accepted.socket, 'data');
    plain.client.resetAndDestroy();
    assert.equal(await seen, 'ECONNRESET');
    await ended;
  });

  it('closes a TLS connection that is shutting down, which libuv resets no more', async () => {
    const { dialled } = await securedPair('istio-mtls');
    const { socket, stream } = dialled;
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    const handle = nodeStreamOf(stream).wire as unknown as { readonly _handle: { readonly fd: number } };
    const { fd } = handle._handle;
    const closed = once(socket, 'close');
    socket.end();
    await new Promise((resolve) => process.nextTick(resolve));
    assert.ok(socket.writableEnded && !socket.writableFinished, 'its shutdown is on its way');
    stream.reset();
    await closed;
    await settled();
    assert.deepEqual(errors, []);
    assert.throws(() => fstatSync(fd), { code: 'EBADF' });
  });

  it('resets no stream of a connection that ends in the ordinary way, five thousand times on one session', async () => {
    const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
    const authority = makeAuthority();
    const { client, server } = await socketPair();
    const common = {
      clock: systemClock,
      timeoutMillis: 5000,
      alpn: ['h2'],
      layer: 'hbone' as const,
      table: tableOf(authority),
    };
    const [accepted, dialled] = await Promise.all([
      acceptTls(server, { ...common, credentials: authority.leaf(identity) }),
      dialTls(client, {
        ...common,
        credentials: authority.leaf(identity),
        expect: expectNames(identity),
        cluster: 'east',
      }),
    ]);
    const http2 = onDuplex(nodeHttp2(systemClock));
    http2.server(accepted.socket, ({ accept }) => {
      const stream = accept({});
      stream.on('data', () => stream.end('bye'));
    });
    const session = await http2.client(dialled.socket, 5000);
    let failure: Error | undefined;
    session.onClose((error) => (failure = error ?? new Error('closed')));
    const one = async () => {
      const near = await socketPair();
      const { stream } = await session.connect(
        { authority: 'a:1', headers: {} },
        new AbortController().signal,
      );
      void relay(new NodeStream(near.server), new NodeStream(stream), { sent: 0, received: 0 });
      near.client.write('hello');
      near.client.on('end', () => near.client.destroy()).resume();
      await once(near.client, 'close');
    };
    for (let round = 0; round < 250; round++) await Promise.all(Array.from({ length: 20 }, one));
    assert.equal(failure, undefined);
    assert.equal(session.usable, true);
    session.destroy();
  });
});
