import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  connect as connectHttp2,
  constants,
  performServerHandshake,
  type ClientHttp2Stream,
  type Http2Session,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { DuplexHttp2 } from '../fakes/duplex-sessions.ts';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { FakeClock } from '../fakes/clock.ts';
import { connected, endOf, never } from '../fakes/http2-ends.ts';

export type Make = (clock: Clock) => DuplexHttp2;

/** A whole SETTINGS frame that sets nothing, and what a client says before it (RFC 9113 3.4, 6.5). */
const settings = Buffer.from('000000040000000000', 'hex');
const settingsAck = Buffer.from('000000040100000000', 'hex');
/** HEADERS of stream 1 that say 200, GOAWAY that takes every stream (RFC 9113 6.2, 6.8), a PING and its answer. */
const answer200 = Buffer.from('00000101040000000188', 'hex');
const goAway = Buffer.from('0000080700000000007fffffff00000000', 'hex');
const aPing = Buffer.from('0000080600000000000102030405060708', 'hex');
const pingAck = Buffer.from('0000080601000000000102030405060708', 'hex');
const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]);

/** What is said on the wire, with a peer that is not ours: Node's own. */
export function http2Foreign(name: string, make: Make): void {
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

    it('a request that is not a plain CONNECT is answered 400, and reaches no handler', async () => {
      make(systemClock).server(ends.accepted, () => assert.fail('it was no CONNECT'));
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      const stream = peer.request({ ':method': 'GET', ':path': '/', ':authority': 'a:1' });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      assert.equal(headers[':status'], 400);
    });

    it('an answer has no date: it has no content that could be dated', async () => {
      make(systemClock).server(ends.accepted, ({ authority: wanted, accept, refuse }) =>
        wanted === 'yes:1' ? accept({}) : refuse(503),
      );
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      for (const [wantedAuthority, status] of [
        ['yes:1', 200],
        ['no:1', 503],
      ] as const) {
        const stream = peer.request(
          { ':method': 'CONNECT', ':authority': wantedAuthority },
          { endStream: false },
        );
        const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
        assert.deepEqual([Object.keys(headers), headers[':status']], [[':status'], status]);
      }
    });

    const { NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR } = constants;
    for (const [name, code] of Object.entries({ NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR }))
      it(`a foreign client's reset with ${name} is a reset here, also while data waits for it`, async () => {
        const accepted = Promise.withResolvers<Duplex>();
        const resets: unknown[] = [];
        make(systemClock).server(ends.accepted, ({ accept }) => accepted.resolve(accept({})), {
          onReset: (reset) => resets.push(reset),
        });
        const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
        const stream = peer.request({ ':method': 'CONNECT', ':authority': 'a:1' }, { endStream: false });
        stream.on('error', () => undefined);
        const far = await accepted.promise;
        far.write(Buffer.alloc(8 * 1024 * 1024));
        // Its own end would send END_STREAM first, which is another case.
        stream.end = () => stream;
        stream.close(code);
        assert.equal(await endOf(far), 'STREAM_RESET');
        assert.deepEqual(resets, [{ answered: true, sentPayload: false }]);
      });

    for (const [name, code] of Object.entries({ NGHTTP2_NO_ERROR, NGHTTP2_CANCEL, NGHTTP2_CONNECT_ERROR }))
      it(`a session may be destroyed because a foreign client has reset a stream with ${name}`, async () => {
        const closed = Promise.withResolvers<void>();
        const session = make(systemClock).server(ends.accepted, ({ accept }) => accept({}), {
          onReset: () => session.destroy(),
        });
        session.onClose(() => closed.resolve());
        const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
        const streams = [1, 2].map(() =>
          peer.request({ ':method': 'CONNECT', ':authority': 'a:1' }, { endStream: false }),
        );
        for (const stream of streams) {
          stream.on('error', () => undefined);
          await once(stream, 'response');
          stream.end = () => stream;
        }
        streams[0]!.close(code);
        await closed.promise;
      });

    it('a refused stream takes no place, also when a foreign client never ends it', async () => {
      const resets: unknown[] = [];
      make(systemClock).server(ends.accepted, ({ refuse }) => refuse(503), {
        onReset: (reset) => resets.push(reset),
      });
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      await once(peer, 'remoteSettings');
      // One more than a session has at once.
      for (let i = 0; i < 201; i++) {
        const stream = peer.request({ ':method': 'CONNECT', ':authority': 'a:1' }, { endStream: false });
        stream.end = () => stream;
        const closed = once(stream.resume(), 'close');
        const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
        assert.equal(headers[':status'], 503);
        await closed;
        assert.equal(stream.rstCode, NGHTTP2_NO_ERROR);
      }
      assert.deepEqual(resets, []);
    });

    it('our reset is CONNECT_ERROR to a foreign peer, without an end before it', async () => {
      const accepted = Promise.withResolvers<Duplex>();
      make(systemClock).server(ends.accepted, ({ accept }) => accepted.resolve(accept({})));
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      const stream = peer.request({ ':method': 'CONNECT', ':authority': 'a:1' }, { endStream: false });
      let whole = false;
      stream.on('end', () => (whole = true));
      const far = await accepted.promise;
      far.write('part');
      await once(stream, 'data');
      far.destroy();
      assert.deepEqual([await endOf(stream), whole], ['ERR_HTTP2_STREAM_ERROR', false]);
      assert.equal(stream.rstCode, NGHTTP2_CONNECT_ERROR);
    });

    it('a peer that has ended and takes no more is read to its end', async () => {
      const peer = performServerHandshake(ends.accepted);
      peer.on('stream', (stream) => {
        stream.on('error', () => undefined);
        stream.respond({ ':status': 200 });
        stream.end('all that it had to say', () => stream.close(NGHTTP2_NO_ERROR));
      });
      const session = await make(systemClock).client(ends.dialled, 5000);
      const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
      stream.write(Buffer.alloc(8 * 1024 * 1024));
      let heard = '';
      stream.on('data', (chunk: Buffer) => (heard += String(chunk)));
      assert.equal(await endOf(stream), 'clean');
      assert.equal(heard, 'all that it had to say');
      session.destroy();
    });

    it('a peer that falls silent after GOAWAY is gone like any other, and one that answers is not', async () => {
      const clock = new FakeClock();
      const peer = ends.accepted;
      let heard: Buffer = Buffer.alloc(0);
      const hears = async (bytes: Buffer) => {
        while (!heard.includes(bytes)) await once(peer, 'data');
      };
      peer.on('data', (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
      peer.write(Buffer.concat([settings, settingsAck]));
      const session = await make(clock).client(ends.dialled, 5000);
      const gone = new Promise<Error | undefined>((resolve) => session.onClose(resolve));
      const answer = session.connect({ authority: 'a:1', headers: {} }, never);
      peer.write(Buffer.concat([answer200, goAway]));
      assert.equal((await answer).status, 200);
      while (session.usable) await new Promise((resolve) => setImmediate(resolve));
      heard = Buffer.alloc(0);
      await clock.advance(10_000);
      await hears(settings);
      peer.write(Buffer.concat([settingsAck, aPing]));
      await hears(pingAck);
      await clock.advance(29_999);
      assert.equal(ends.dialled.destroyed, false);
      await clock.advance(1);
      assert.match(String(await gone), /no answer to a PING/);
    });

    it('a client that shakes hands and says nothing more is ended after nine seconds', async () => {
      const clock = new FakeClock();
      const session = make(clock).server(ends.accepted, () => undefined);
      const gone = new Promise<Error | undefined>((resolve) => session.onClose(resolve));
      await clock.advance(8999);
      assert.equal(ends.accepted.destroyed, false);
      await clock.advance(1);
      assert.match(String(await gone), /no SETTINGS within 9000 ms/);
      assert.equal(clock.pending, 0);
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
      const spoken = Promise.withResolvers<void>();
      const server = make(clock).server(other.accepted, () => undefined, { onSettings: spoken.resolve });
      other.dialled.write(preface);
      await spoken.promise;
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
