import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { readClientHello } from '@isthmus/mesh/tls/client-hello.ts';

/** The first bytes of Node's own TLS client. */
async function hello(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

const sni = 'outbound_.8081_._.catalogue.shop.svc.cluster.local';

describe('mesh/tls client-hello', () => {
  it('needs more for every prefix, then gives one answer that more bytes do not change', async () => {
    const bytes = await hello({ servername: sni, ALPNProtocols: ['istio', 'h2'] });
    for (let length = 0; length < bytes.length; length++)
      assert.equal(readClientHello(bytes.subarray(0, length)).kind, 'need-more', `prefix of ${length}`);
    const answer = { kind: 'hello', sni, alpn: ['istio', 'h2'] };
    assert.deepEqual(readClientHello(bytes), answer);
    assert.deepEqual(readClientHello(Buffer.concat([bytes, bytes])), answer);
  });

  it('reads one that is spread over records of one byte', async () => {
    const bytes = await hello({ servername: sni });
    const message = bytes.subarray(5);
    const spread = Buffer.concat([...message].map((byte) => Buffer.from([0x16, 3, 1, 0, 1, byte])));
    assert.deepEqual(readClientHello(spread), { kind: 'hello', sni, alpn: [] });
  });

  it('knows what is no TLS from its first byte', () => {
    assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1')).kind, 'not-tls');
    assert.equal(readClientHello(Buffer.from([0x17, 3, 3, 0, 1])).kind, 'not-tls');
  });

  it('does not wait for ever, and never throws', async () => {
    assert.equal(
      readClientHello(Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0]), Buffer.alloc(20_000, 1)])).kind,
      'not-tls',
    );
    const bytes = await hello({ servername: sni, ALPNProtocols: ['istio'] });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        readClientHello(damaged);
      }),
      { numRuns: 5000 },
    );
  });
});
