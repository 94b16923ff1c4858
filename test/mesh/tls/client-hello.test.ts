import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { HelloReader, helloLimit, readClientHello } from '@isthmus/mesh/tls/client-hello.ts';
import { offersIstioMtls } from '@isthmus/mesh/tls/istio-alpn.ts';
import { helloMessage, inRecords, protocols, serverName } from '../../fakes/hello.ts';

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

  it('knows what is not TLS from its first byte', () => {
    assert.equal(readClientHello(Buffer.from('GET / HTTP/1.1')).kind, 'not-tls');
    assert.equal(readClientHello(Buffer.from([0x17, 3, 3, 0, 1])).kind, 'not-tls');
  });

  it('never throws, whatever is damaged', async () => {
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

  const alpn = ['istio'];
  for (const [name, size, kind] of [
    ['one byte below the limit', helloLimit - 1, 'hello'],
    ['at the limit', helloLimit, 'hello'],
    ['one byte above the limit', helloLimit + 1, 'too-large'],
    ['padded to 60 KB', 60 * 1024, 'too-large'],
  ] as const)
    it(`judges a hello ${name} the same whole, by any prefix, and in any parts`, () => {
      const message = helloMessage({ sni, alpn, size });
      assert.equal(message.length, size);
      const expected = kind === 'hello' ? { kind, sni, alpn } : { kind };
      const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 8 });
      fc.assert(
        fc.property(fc.oneof(fc.constant([16_384]), cuts), cuts, (records, reads) => {
          const bytes = inRecords(message, records);
          assert.deepEqual(readClientHello(bytes), expected);
          const reader = new HelloReader();
          let answer = reader.push(Buffer.alloc(0));
          for (let at = 0, i = 0; at < bytes.length; at += reads[i++ % reads.length]!) {
            const before = answer;
            answer = reader.push(bytes.subarray(at, at + reads[i % reads.length]!));
            if (before.kind !== 'need-more') assert.deepEqual(answer, before, 'an answer never changes');
          }
          assert.deepEqual(answer, expected);
        }),
        { numRuns: 200 },
      );
      const bytes = inRecords(message);
      const reader = new HelloReader();
      let answered = false;
      for (const byte of bytes) {
        const answer = reader.push(Buffer.of(byte));
        if (answer.kind === 'need-more') assert.equal(answered, false);
        else assert.deepEqual(answer, expected);
        answered ||= answer.kind !== 'need-more';
      }
      assert.equal(answered, true);
    });

  it('reads a hello in records of one byte, read one byte at a time', () => {
    const reader = new HelloReader();
    const bytes = inRecords(helloMessage({ sni, alpn }), [1]);
    const answers = [...bytes].map((byte) => reader.push(Buffer.of(byte)).kind);
    assert.deepEqual(new Set(answers.slice(0, -1)), new Set(['need-more']));
    assert.equal(answers.at(-1), 'hello');
  });

  for (const [name, bytes] of [
    ['two extensions of one type', inRecords(helloMessage({ alpn, extra: [protocols(['h2'])] }))],
    ['two server names', inRecords(helloMessage({ sni, extra: [serverName('other')] }))],
    ['another message than a ClientHello', Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0])],
    ['an empty record', Buffer.from([0x16, 3, 1, 0, 0])],
    ['a record above 2^14 bytes', Buffer.from([0x16, 3, 1, 0x40, 1])],
    [
      'another kind of record within the hello',
      Buffer.concat([inRecords(helloMessage({ sni }).subarray(0, 50)), Buffer.from([0x15, 3, 3])]),
    ],
  ] as const)
    it(`is not TLS: ${name}`, () => assert.deepEqual(readClientHello(bytes), { kind: 'not-tls' }));
});

describe('mesh/tls Istio ALPN', () => {
  for (const name of ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'])
    it(`${name} is Istio's, also beside others`, () => assert.equal(offersIstioMtls(['h2', name]), true));
  for (const alpn of [[], ['h2'], ['http/1.1', 'h2'], ['istio '], ['ISTIO'], ['istio-x']])
    it(`${JSON.stringify(alpn)} is not`, () => assert.equal(offersIstioMtls(alpn), false));
});
