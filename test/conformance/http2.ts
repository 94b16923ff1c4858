import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect as connectHttp2,
  performServerHandshake,
  type ClientHttp2Stream,
  type Http2Session,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ClientSession, Http2, IncomingConnect, ServerSession } from '@isthmus/mesh/http2/session.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { acceptTls, dialTls } from '@isthmus/mesh/tls/handshake.ts';
import { makeAuthority, socketPair, tableOf } from '../fakes/authority.ts';
import { FakeClock } from '../fakes/clock.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();

/** Both ends of one real mTLS connection, nothing said on it yet. */
async function connected(): Promise<{ dialled: TLSSocket; accepted: TLSSocket }> {
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
  return { dialled: dialled.socket, accepted: accepted.socket };
}

const never = new AbortController().signal;

type Make = (clock: Clock) => Http2;

/** What every implementation of CONNECT sessions must do. */
export function http2Conformance(name: string, make: Make): void {
  carrying(name, make);
  ending(name, make);
  keeping(name, make);
}

/** A whole SETTINGS frame that sets nothing, and what a client says before it (RFC 9113 3.4, 6.5). */
const settings = Buffer.from('000000040000000000', 'hex');
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]);

function carrying(name: string, make: Make): void {
  const http2 = make(systemClock);
  const sessions = async (onConnect: (incoming: IncomingConnect) => void) => {
    const { dialled, accepted } = await connected();
    http2.server(accepted, onConnect);
    return http2.client(dialled, 5000);
  };
  describe(`http2 conformance: ${name}`, () => {
    let session: ClientSession;
    afterEach(() => session.destroy());

    it('carries bytes both ways, with headers both ways', async () => {
      session = await sessions(({ authority: wanted, headers, accept }) => {
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
      session = await sessions(({ refuse }) => refuse(401, { 'x-isthmus-reason': 'no' }));
      const answer = await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.equal(answer.status, 401);
      assert.equal(answer.headers['x-isthmus-reason'], 'no');
    });

    it('ends each direction by itself', async () => {
      session = await sessions(({ accept }) => {
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
      session = await sessions(({ authority: wanted, accept }) => {
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
      session = await sessions(({ accept }) => accept({}));
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
      session = await sessions(() => undefined);
      const stop = new AbortController();
      const waiting = session.connect({ authority: 'a:1', headers: {} }, stop.signal);
      stop.abort();
      await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
    });

    it('a CONNECT that was given up before it began is not sent', async () => {
      const heard: string[] = [];
      session = await sessions(({ authority: wanted, accept }) => {
        heard.push(wanted);
        accept({});
      });
      const given = session.connect({ authority: 'up:1', headers: {} }, AbortSignal.abort());
      await assert.rejects(given, { code: 'CONNECT_FAILED' });
      await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.deepEqual(heard, ['a:1']);
    });

    it('the 201st stream waits until one of the 200 has ended', async () => {
      const heard: string[] = [];
      session = await sessions(({ authority: wanted, accept }) => {
        heard.push(wanted);
        const stream = accept({});
        stream.resume().on('end', () => stream.end());
      });
      const opened = await Promise.all(
        Array.from({ length: 200 }, () => session.connect({ authority: 'a:1', headers: {} }, never)),
      );
      const waiting = session.connect({ authority: 'last:1', headers: {} }, never);
      await session.connect({ authority: 'given-up:1', headers: {} }, AbortSignal.abort()).catch(() => 'no');
      assert.equal(heard.includes('last:1'), false);
      opened[0]?.stream.resume().end();
      assert.equal((await waiting).status, 200);
      assert.equal(heard.length, 201);
    });

    it('refusing what was accepted already resets it, and throws nothing', async () => {
      session = await sessions(({ accept, refuse }) => {
        accept({});
        refuse(503);
      });
      const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
      assert.equal(await endOf(stream), 'ERR_HTTP2_STREAM_ERROR');
    });
  });
}

/** A stream's end as its owner sees it: the error's code, or 'clean'. */
const endOf = (stream: Duplex): Promise<string> =>
  new Promise((resolve) => {
    let code = 'clean';
    stream.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    stream.once('close', () => resolve(code));
    stream.resume();
  });

function ending(name: string, make: Make): void {
  const http2 = make(systemClock);
  describe(`http2 conformance: ${name}, how it ends`, () => {
    let client: ClientSession;
    let server: ServerSession;
    const meet = async (onConnect: (incoming: IncomingConnect) => void) => {
      const { dialled, accepted } = await connected();
      server = http2.server(accepted, onConnect);
      client = await http2.client(dialled, 5000);
    };
    afterEach(() => client.destroy());
    const connect = (wanted = 'a:1') => client.connect({ authority: wanted, headers: {} }, never);

    it('a server that closes lets streams go on, and serves what crossed its word', async () => {
      await meet(({ accept }) => {
        const stream = accept({});
        stream.pipe(stream);
      });
      const { stream } = await connect();
      const closed = new Promise<unknown>((resolve) => client.onClose(resolve));
      const waiting = connect();
      // It is on the wire, and the server has not read it.
      await new Promise((resolve) => setImmediate(resolve));
      server.close();
      const crossing = await waiting;
      while (client.usable) {
        stream.write('still');
        await once(stream, 'data');
      }
      crossing.stream.end();
      await once(crossing.stream.resume(), 'end');
      stream.end();
      await once(stream.resume(), 'end');
      assert.equal(await closed, undefined);
      await assert.rejects(connect(), { code: 'CONNECT_FAILED' });
    });

    it('a CONNECT that is open when the session dies fails', async () => {
      await meet(() => server.destroy());
      await assert.rejects(connect(), { code: 'CONNECT_FAILED' });
      assert.equal(client.usable, false);
    });

    it('a peer that gives a stream up ends it, and no more', async () => {
      const ends: Promise<string>[] = [];
      await meet(({ accept }) => void ends.push(endOf(accept({}))));
      const { stream } = await connect();
      stream.destroy();
      assert.equal(await ends[0], 'clean');
    });

    it('tells a server when nobody waits for its answer any more', async () => {
      const asked = Promise.withResolvers<AbortSignal>();
      await meet(({ gone }) => asked.resolve(gone));
      const stop = new AbortController();
      const waiting = client.connect({ authority: 'a:1', headers: {} }, stop.signal);
      const gone = await asked.promise;
      assert.equal(gone.aborted, false);
      const aborted = once(gone, 'abort');
      stop.abort();
      await assert.rejects(waiting, { code: 'CONNECT_FAILED' });
      await aborted;
    });

    it('a stream that is reset before anybody listens ends nothing but itself', async () => {
      await meet(({ authority: wanted, accept }) => {
        const stream = accept({});
        if (wanted === 'broken:1') stream.destroy(new Error('the application broke'));
      });
      const { stream } = await connect('broken:1');
      if (!stream.closed) await endOf(stream);
      assert.equal((await connect()).status, 200);
    });
  });
}

/** What is said on the wire, with a peer that is not ours: Node's own. */
function keeping(name: string, make: Make): void {
  describe(`http2 conformance: ${name}, what a foreign peer sees`, () => {
    let ends: Awaited<ReturnType<typeof connected>>;
    beforeEach(async () => {
      ends = await connected();
    });
    afterEach(() => {
      ends.dialled.destroy();
      ends.accepted.destroy();
    });

    const windows = async (peer: Http2Session) => {
      const { initialWindowSize, maxFrameSize, enablePush } = peer.remoteSettings;
      // What was answered after the session's window was opened has come after it.
      while (peer.state.remoteWindowSize !== 16 * 1024 * 1024) await ping(peer);
      return { initialWindowSize, maxFrameSize, enablePush };
    };
    const wanted = { initialWindowSize: 4 * 1024 * 1024, maxFrameSize: 1024 * 1024, enablePush: false };

    it('a client opens its windows, and takes 16 KiB of headers', async () => {
      const peer = performServerHandshake(ends.accepted);
      await make(systemClock).client(ends.dialled, 5000);
      assert.deepEqual(await windows(peer), wanted);
      assert.equal(peer.remoteSettings.maxHeaderListSize, 16 * 1024);
    });

    it('a server opens its windows, and takes 64 KiB of headers and 200 streams', async () => {
      make(systemClock).server(ends.accepted, () => undefined);
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      await once(peer, 'remoteSettings');
      const { enablePush, ...server } = wanted;
      const { enablePush: push, ...seen } = await windows(peer);
      assert.deepEqual([seen, push ?? enablePush], [server, false]);
      const { maxHeaderListSize, maxConcurrentStreams } = peer.remoteSettings;
      assert.deepEqual([maxHeaderListSize, maxConcurrentStreams], [64 * 1024, 200]);
    });

    it('what is no plain CONNECT is answered 400, and reaches nobody', async () => {
      make(systemClock).server(ends.accepted, () => assert.fail('it was no CONNECT'));
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      const stream = peer.request({ ':method': 'GET', ':path': '/', ':authority': 'a:1' });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      assert.equal(headers[':status'], 400);
    });

    it('headers beyond the limit fail their stream, and no other', async () => {
      const heard: string[] = [];
      make(systemClock).server(ends.accepted, ({ authority: wanted, accept }) => {
        heard.push(wanted);
        accept({});
      });
      const peer = connectHttp2('https://hbone', {
        createConnection: () => ends.dialled,
        maxSendHeaderBlockLength: 1 << 20,
      });
      const ask = (wantedAuthority: string, baggage: string) =>
        peer.request({ ':method': 'CONNECT', ':authority': wantedAuthority, baggage }, { endStream: false });
      const answered = async (stream: ClientHttp2Stream) =>
        ((await once(stream, 'response')) as [Record<string, unknown>])[0][':status'];
      // Limits hold once they were acknowledged.
      assert.equal(await answered(ask('before:1', 'x')), 200);
      assert.equal(await endOf(ask('much:1', 'x'.repeat(65 * 1024))), 'ERR_HTTP2_STREAM_ERROR');
      assert.equal(await answered(ask('after:1', 'x')), 200);
      assert.deepEqual(heard, ['before:1', 'after:1']);
    });

    it('a client gives a peer up that does not speak in time', async () => {
      const clock = new FakeClock();
      const waiting = make(clock).client(ends.dialled, 5000);
      const outcome = assert.rejects(waiting, { code: 'SESSION_FAILED' });
      await clock.advance(4999);
      assert.equal(ends.dialled.destroyed, false);
      await clock.advance(1);
      await outcome;
      assert.equal(ends.dialled.destroyed, true);
      assert.equal(clock.pending, 0);
    });

    it('PINGs after ten quiet seconds, and ten after each answer', async () => {
      const clock = new FakeClock();
      const peer = performServerHandshake(ends.accepted);
      let pings = 0;
      const session = await make(clock).client(ends.dialled, 5000);
      for (const wantedPings of [1, 2]) {
        const pinged = once(peer, 'ping').then(() => pings++);
        await clock.advance(9999);
        assert.equal(pings, wantedPings - 1);
        await clock.advance(1);
        await pinged;
        // Our answer to a PING of the peer's comes after the peer's answer to ours was read.
        await ping(peer);
      }
      assert.equal(session.usable, true);
    });

    it('a peer that does not answer a PING for twenty seconds is gone, at either end', async () => {
      const clock = new FakeClock();
      ends.accepted.write(settings);
      const client = await make(clock).client(ends.dialled, 5000);
      const other = await connected();
      const server = make(clock).server(other.accepted, () => undefined);
      other.dialled.write(preface);
      const gone = [client, server].map(
        (session) => new Promise<Error | undefined>((resolve) => session.onClose(resolve)),
      );
      await clock.advance(29_999);
      assert.equal(client.usable, true);
      await clock.advance(1);
      for (const error of await Promise.all(gone)) assert.match(String(error), /no answer to a PING/);
      other.dialled.destroy();
    });
  });
}

const ping = (peer: Http2Session): Promise<void> =>
  new Promise((resolve, reject) => {
    peer.ping((error) => (error ? reject(error) : resolve()));
  });
