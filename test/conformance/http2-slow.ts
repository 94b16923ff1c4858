import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import type { ServerSession } from '@isthmus/mesh/http2/session.ts';
import type { DuplexIncoming } from '../fakes/duplex-sessions.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Duplex } from 'node:stream';
import { data, frame, frameTypes, headers, ping, preface, settings } from '../attack/frames.ts';
import { connectBlock, literal } from '../attack/hpack.ts';
import { FakeClock } from '../fakes/clock.ts';
import { connected } from '../fakes/http2-ends.ts';
import type { Make } from './http2-foreign.ts';

const codeOf = (end: unknown): unknown => (end instanceof CodedError ? end.code : end);

/** Peers that send a byte now and then. */
export function http2Slow(name: string, make: Make): void {
  describe(`http2 conformance: ${name}, a server whose peer is slow`, () => {
    let ends: Awaited<ReturnType<typeof connected>>;
    let clock: FakeClock;
    let ended: CodedError | 'open' | undefined;
    let received: number;
    let held: number[];
    let session: ServerSession;
    let tunnel: Duplex;
    let unanswered: DuplexIncoming | undefined;
    let closed: Promise<void>;
    beforeEach(async () => {
      ends = await connected();
      [clock, ended, received, held] = [new FakeClock(), 'open', 0, []];
      const spoken = Promise.withResolvers<void>();
      session = make(clock).server(
        ends.accepted,
        (incoming) => {
          if (incoming.headers['x-wait']) return void (unanswered = incoming);
          tunnel = incoming.accept({});
          tunnel.on('data', (bytes: Buffer) => (received += bytes.length)).on('error', () => undefined);
        },
        { onSettings: spoken.resolve, onHeld: (bytes) => held.push(bytes) },
      );
      closed = new Promise((resolve) => {
        session.onClose((error) => {
          ended = error as CodedError | undefined;
          resolve();
        });
      });
      ends.dialled.resume();
      ends.dialled.on('error', () => undefined);
      start = async () => {
        ends.dialled.write(Buffer.concat([preface, settings()]));
        await spoken.promise;
      };
    });
    afterEach(() => {
      ends.dialled.destroy();
      ends.accepted.destroy();
    });
    let start: () => Promise<void>;

    /** Resolves when the server has read it. */
    const say = async (bytes: Buffer) => {
      const wanted = ends.accepted.bytesRead + bytes.length;
      ends.dialled.write(bytes);
      while (ends.accepted.bytesRead < wanted && ended === 'open')
        await new Promise((resolve) => setImmediate(resolve));
    };
    const block = connectBlock('10.0.0.1:8080');
    const inOneFrame = headers(1, block);
    const drips: Readonly<Record<string, readonly Buffer[]>> = {
      'one frame of headers': [
        inOneFrame.subarray(0, 9),
        ...[...inOneFrame.subarray(9)].map((one) => Buffer.of(one)),
      ],
      'a block of headers in frames of one byte': [
        headers(1, block.subarray(0, 1), 0),
        ...[...block.subarray(1)].map((one) => frame(frameTypes.continuation, 0, 1, Buffer.of(one))),
      ],
      'a SETTINGS frame': [...settings(...Array.from({ length: 6 }, () => [4, 65_535] as const))].map((one) =>
        Buffer.of(one),
      ),
    };
    for (const [what, parts] of Object.entries(drips))
      it(`ends a session with ${what} at one byte a second within ten seconds`, async () => {
        await start();
        const begun = clock.monotonic();
        for (const part of parts) {
          await say(part);
          await clock.advance(1000);
          if (ended !== 'open') break;
        }
        assert.equal((ended as CodedError).code, 'SESSION_BROKEN');
        assert.ok(clock.monotonic() - begun <= 10_000, `${clock.monotonic() - begun} ms`);
      });

    it('lets a tunnel be as slow as it likes: one byte of a frame a second', async () => {
      await start();
      await say(inOneFrame);
      const slow = data(1, Buffer.alloc(1000));
      await say(slow.subarray(0, 9));
      for (let i = 0; i < 19; i++) {
        await say(slow.subarray(9 + i, 10 + i));
        await clock.advance(1000);
      }
      assert.equal(ended, 'open');
      assert.equal(received, 19);
    });

    it('leaves a peer alone from which nothing more comes, until it has answered no PING for 20 s', async () => {
      await start();
      await say(inOneFrame.subarray(0, 20));
      await clock.advance(29_000);
      assert.equal(ended, 'open');
      await clock.advance(1000);
      assert.equal(codeOf(ended), 'PEER_SILENT');
    });

    it('gives a session twenty seconds more whose answer to a PING may have been left unread', async () => {
      await start();
      await clock.advance(10_001);
      session.pause();
      await clock.advance(999);
      session.resume();
      await clock.advance(38_999);
      assert.equal(ended, 'open');
      await clock.advance(1);
      await closed;
      assert.equal(codeOf(ended), 'PEER_SILENT');
    });

    it('takes a session for silent that was left unread only before the PING', async () => {
      await start();
      await clock.advance(9000);
      session.pause();
      await clock.advance(500);
      session.resume();
      await clock.advance(20_500);
      await closed;
      assert.equal(codeOf(ended), 'PEER_SILENT');
    });

    it('says what comes on a stream that is not read, and nothing of one that is', async () => {
      await start();
      await say(inOneFrame);
      await say(data(1, Buffer.alloc(1000)));
      assert.deepEqual([held, received], [[], 1000]);
      tunnel.pause();
      await say(data(1, Buffer.alloc(500)));
      await say(data(1, Buffer.alloc(30)));
      assert.deepEqual([held.splice(0), received], [[500, 30], 1000]);
      tunnel.resume();
      await say(data(1, Buffer.alloc(7)));
      assert.deepEqual([held, received], [[], 1537]);
    });

    it('says how much of a CONNECT has come before its answer, and loses none of it', async () => {
      await start();
      await say(headers(1, connectBlock('10.0.0.1:8080', literal('x-wait', 'yes'))));
      await say(data(1, Buffer.alloc(500)));
      await say(data(1, Buffer.alloc(30)));
      assert.deepEqual([held, unanswered?.held], [[500, 30], 530]);
      let bytes = 0;
      for await (const chunk of unanswered!.accept({}).take(1)) bytes += (chunk as Buffer).length;
      assert.equal(bytes, 530);
    });

    for (const [what, one] of Object.entries({ PINGs: ping(), SETTINGS: settings() })) {
      const answered = (count: number) => Buffer.concat(Array.from({ length: count }, () => one));
      it(`takes 999 ${what} at once and 100 each second after that, and ends the session at one more`, async () => {
        await start();
        // The first SETTINGS count as well.
        await say(answered(999));
        assert.equal(ended, 'open');
        await clock.advance(1000);
        await say(answered(100));
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(ended, 'open');
        await say(one);
        await closed;
        assert.equal(codeOf(ended), 'SESSION_BROKEN');
      });
    }

    it('keeps the session of a peer that only sends window updates', async () => {
      const peer = connectHttp2('https://hbone', { createConnection: () => ends.dialled });
      peer.on('error', () => undefined);
      await once(peer, 'remoteSettings');
      for (let i = 1; i <= 60; i++) {
        const before = ends.accepted.bytesRead;
        peer.setLocalWindowSize(65_535 + 20_000 * i);
        while (ends.accepted.bytesRead === before) await new Promise((resolve) => setImmediate(resolve));
        await clock.advance(1000);
        await new Promise<void>((resolve) => peer.ping(() => resolve()));
      }
      assert.equal(ended, 'open');
    });
  });
}
