import assert from 'node:assert/strict';
import { once } from 'node:events';
import { relay } from '@isthmus/mesh/net/relay.ts';
import { nodeHttp2 } from '@isthmus/mesh/http2/node-http2.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';

describe('mesh/net relay', () => {
  it('copies both ways, counts, and ends each direction by itself', async () => {
    const [left, right] = [await socketPair(), await socketPair()];
    const counters = { sent: 0, received: 0 };
    const ended = relay(left.server, right.client, counters);
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

  it('ends one side when the other is gone', async () => {
    const [left, right] = [await socketPair(), await socketPair()];
    const ended = relay(left.server, right.client, { sent: 0, received: 0 });
    right.server.on('error', () => undefined).resume();
    left.client.resetAndDestroy();
    await ended;
    if (!right.server.readableEnded) await once(right.server, 'end');
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
        expect: [identity],
        cluster: 'east',
      }),
    ]);
    const http2 = nodeHttp2(systemClock);
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
      void relay(near.server, stream, { sent: 0, received: 0 });
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
