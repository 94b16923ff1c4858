import assert from 'node:assert/strict';
import { once } from 'node:events';
import { expectNames } from '@isthmus/mesh/identity/expected-names.ts';
import type { Socket } from 'node:net';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { helloLimit } from '@isthmus/mesh/tls/client-hello.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import { acceptWhole, dialTls } from '../../fakes/tls-on-sockets.ts';

const pod = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();
const options = {
  credentials: authority.leaf(pod),
  alpn: ['h2'],
  table: tableOf(authority),
  clock: systemClock,
  ...({ layer: 'hbone', timeoutMillis: 5000 } as const),
};

describe('mesh/tls: a handshake that begins with a whole client hello', () => {
  let pair: { client: Socket; server: Socket };
  beforeEach(async () => {
    pair = await socketPair();
    pair.client.on('error', () => undefined).resume();
  });
  afterEach(() => {
    pair.client.destroy();
    pair.server.destroy();
  });

  const refusal = async (): Promise<string> => {
    try {
      await acceptWhole(pair.server, '10.0.0.1', options);
    } catch (error) {
      assert.ok(error instanceof TlsRefused, String(error));
      assert.equal(pair.server.destroyed, true);
      return error.message;
    }
    return 'accepted';
  };

  it('is the one that the peer has begun', async () => {
    const expect = { expect: expectNames(pod), cluster: 'east' };
    const [accepted] = await Promise.all([
      acceptWhole(pair.server, '10.0.0.1', options),
      dialTls(pair.client, { ...options, ...expect }),
    ]);
    assert.equal(accepted.peer.spiffeId, pod);
  });

  it('answers nothing to a part of a hello, and fails when its socket is ended by a limit', async () => {
    const refused = refusal();
    pair.client.write(inRecords(helloMessage({ alpn: ['h2'] })).subarray(0, 50));
    await once(pair.server, 'data');
    let heard = 0;
    pair.client.on('data', () => heard++);
    pair.server.destroy();
    assert.match(await refused, /^hbone tls: the peer closed the connection during/);
    assert.equal(heard, 0);
  });

  it('is not begun for a peer that has gone meanwhile', async () => {
    const refused = refusal();
    pair.client.write(inRecords(helloMessage({ alpn: ['h2'] })));
    pair.server.once('data', () => pair.server.destroy());
    assert.match(await refused, /^hbone tls: the peer closed the connection during the handshake/);
  });

  for (const [name, bytes, why] of [
    ['is not TLS', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /does not begin with a TLS client hello/],
    ['ends without a byte', Buffer.alloc(0), /the peer closed the connection during the handshake/],
    ['ends within a hello', inRecords(helloMessage({})).subarray(0, 20), /during its client hello/],
    [
      'has a hello above the limit',
      inRecords(helloMessage({ size: helloLimit + 5 })),
      /has more than [0-9]+ bytes/,
    ],
  ] as const)
    it(`refuses what ${name}`, async () => {
      const refused = refusal();
      pair.client.end(bytes);
      assert.match(await refused, why);
    });
});
