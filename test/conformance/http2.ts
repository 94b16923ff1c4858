import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientSession, Http2, IncomingConnect } from '@isthmus/mesh/http2/session.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from '../fakes/authority.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();

/** Two sessions over one real mTLS connection. */
async function sessions(
  http2: Http2,
  onConnect: (incoming: IncomingConnect) => void,
): Promise<ClientSession> {
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
    dialTls(client, { ...common, credentials: authority.leaf(identity), expect: [identity] }),
  ]);
  http2.server(accepted.socket, onConnect);
  return http2.client(dialled.socket);
}

const never = new AbortController().signal;

/** What every implementation of CONNECT sessions must do. */
export function http2Conformance(name: string, http2: Http2): void {
  describe(`http2 conformance: ${name}`, () => {
    let session: ClientSession;
    afterEach(() => session.destroy());

    it('carries bytes both ways, with headers both ways', async () => {
      session = await sessions(http2, ({ authority: wanted, headers, accept }) => {
        assert.equal(wanted, 'shop.example:80');
        assert.equal(headers['baggage'], 'a=b');
        const stream = accept({ baggage: 'c=d' });
        stream.pipe(stream);
      });
      const answer = await session.connect(
        { authority: 'shop.example:80', headers: { baggage: 'a=b' } },
        never,
      );
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['baggage'], 'c=d');
      answer.stream.write('hello');
      assert.equal(String((await once(answer.stream, 'data'))[0]), 'hello');
    });

    it('tells a refusal by its status', async () => {
      session = await sessions(http2, ({ refuse }) => refuse(401, { 'x-isthmus-reason': 'no' }));
      const answer = await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['x-isthmus-reason'], 'no');
    });

    it('ends each direction by itself', async () => {
      session = await sessions(http2, ({ accept }) => {
        const stream = accept({});
        let heard = '';
        stream.on('data', (chunk: Buffer) => (heard += String(chunk)));
        stream.on('end', () => stream.end(`heard ${heard}`));
      });
      const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
      stream.end('all of it');
      let answer = '';
      stream.on('data', (chunk: Buffer) => (answer += String(chunk)));
      await once(stream, 'end');
      assert.equal(answer, 'heard all of it');
    });

    it('carries 10 MB each way beside a stream that nobody reads', async () => {
      session = await sessions(http2, ({ authority: wanted, accept }) => {
        const stream = accept({});
        if (wanted === 'echo:1') stream.pipe(stream);
      });
      const stalled = await session.connect({ authority: 'stalled:1', headers: {} }, never);
      stalled.stream.write(Buffer.alloc(8 * 1024 * 1024));
      const { stream } = await session.connect({ authority: 'echo:1', headers: {} }, never);
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.end(Buffer.alloc(10 * 1024 * 1024));
      await once(stream, 'end');
      assert.equal(bytes, 10 * 1024 * 1024);
    });

    it('opens a hundred streams at once, counts them, and is not usable once closed', async () => {
      session = await sessions(http2, ({ accept }) => accept({}));
      const opened = await Promise.all(
        Array.from({ length: 100 }, () => session.connect({ authority: 'a:1', headers: {} }, never)),
      );
      assert.equal(opened.length, 100);
      assert.equal(session.activeStreams, 100);
      assert.ok(session.maxStreams >= 100);
      session.close();
      assert.equal(session.usable, false);
    });

    it('gives up a CONNECT when it is told to', async () => {
      session = await sessions(http2, () => undefined);
      const stop = new AbortController();
      const waiting = session.connect({ authority: 'a:1', headers: {} }, stop.signal);
      stop.abort();
      await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
    });
  });
}
