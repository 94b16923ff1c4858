import assert from 'node:assert/strict';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import { once } from 'node:events';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { resetOnAbort } from '@isthmus/mesh/net/reset-on-abort.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { dialTls } from '@isthmus/mesh/tls/node/node-tls.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();

describe('mesh/net, operations that are no longer needed', () => {
  it('a handshake that is given up ends, and its connection with it', async () => {
    const { client, server } = await socketPair();
    const stop = new AbortController();
    const options = {
      credentials: authority.leaf(identity),
      table: tableOf(authority),
      clock: systemClock,
      alpn: ['h2'],
      layer: 'inner' as const,
      expect: expectNames(identity),
      cluster: 'east',
      timeoutMillis: 60_000,
    };
    const raw = new NodeStream(client);
    const waiting = resetOnAbort(raw, stop.signal, () => dialTls(raw, options));
    stop.abort();
    await assert.rejects(waiting, { code: 'TLS_REFUSED' });
    assert.equal(client.destroyed, true);
    server.destroy();
  });

  it('nothing is begun for what was given up before', async () => {
    const { client, server } = await socketPair();
    let begun = false;
    const waiting = resetOnAbort(new NodeStream(client), AbortSignal.abort(), () =>
      Promise.resolve((begun = true)),
    );
    await assert.rejects(waiting, { name: 'AbortError' });
    assert.deepEqual([begun, client.destroyed], [false, true]);
    server.destroy();
  });

  it('what is done is not undone by a later change of mind', async () => {
    const { client, server } = await socketPair();
    const stop = new AbortController();
    assert.equal(
      await resetOnAbort(new NodeStream(client), stop.signal, () => Promise.resolve('done')),
      'done',
    );
    stop.abort();
    assert.equal(client.destroyed, false);
    client.destroy();
    await once(server.resume(), 'end');
    server.destroy();
  });

  it('no place is dialled for what was given up before', async () => {
    const dialer = new BoundDialer(systemClock, systemRandom);
    const target = { address: '127.0.0.1', port: 1, localAddress: undefined, timeoutMillis: 1000 };
    await assert.rejects(dialer.dial({ ...target, signal: AbortSignal.abort() }), { code: 'DIAL_ABORTED' });
  });
});
