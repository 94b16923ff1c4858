import assert from 'node:assert/strict';
import type { DuplexClient } from '../fakes/duplex-sessions.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { data, flags, frame, frameTypes, headers, ping, settings } from '../attack/frames.ts';
import { FakeClock } from '../fakes/clock.ts';
import { connected, never } from '../fakes/http2-ends.ts';
import type { Make } from './http2-foreign.ts';

const codeOf = (end: unknown): unknown => (end instanceof CodedError ? end.code : end);

/** `:status: 200` of the static table (RFC 7541 appendix A). */
const answer = Buffer.of(0x88);

/** Servers that send a byte now and then, or frames without end. */
export function http2SlowServer(name: string, make: Make): void {
  describe(`http2 conformance: ${name}, a client whose server is slow`, () => {
    let ends: Awaited<ReturnType<typeof connected>>;
    let clock: FakeClock;
    let session: DuplexClient;
    let ended: CodedError | 'open' | undefined;
    let closed: Promise<void>;
    beforeEach(async () => {
      ends = await connected();
      [clock, ended] = [new FakeClock(), 'open'];
      ends.accepted.resume().on('error', () => undefined);
      ends.accepted.write(Buffer.concat([settings(), frame(frameTypes.settings, flags.ack, 0)]));
      session = await make(clock).client(ends.dialled, 5000);
      closed = new Promise((resolve) => {
        session.onClose((error) => {
          ended = error as CodedError | undefined;
          resolve();
        });
      });
    });
    afterEach(() => {
      session.destroy();
      ends.accepted.destroy();
    });

    /** Resolves when the client has read it. */
    const say = async (bytes: Buffer) => {
      const wanted = ends.dialled.bytesRead + bytes.length;
      ends.accepted.write(bytes);
      while (ends.dialled.bytesRead < wanted && ended === 'open')
        await new Promise((resolve) => setImmediate(resolve));
    };
    const connect = () => session.connect({ authority: 'a:1', headers: {} }, never);
    const whole = headers(1, answer);
    const drips: Readonly<Record<string, readonly Buffer[]>> = {
      'one frame of an answer': [...headers(1, Buffer.alloc(30, answer))].map((one) => Buffer.of(one)),
      'an answer in frames of nothing': [
        headers(1, answer, 0),
        ...Array.from({ length: 30 }, () => frame(frameTypes.continuation, 0, 1)),
      ],
    };
    for (const [what, parts] of Object.entries(drips))
      it(`ends a session with ${what}, a part each second, within ten seconds`, async () => {
        const refused = assert.rejects(connect(), { code: 'CONNECT_FAILED' });
        const begun = clock.monotonic();
        for (const part of parts) {
          await say(part);
          await clock.advance(1000);
          if (ended !== 'open') break;
        }
        await refused;
        assert.equal((ended as CodedError).code, 'SESSION_BROKEN');
        assert.ok(clock.monotonic() - begun <= 10_000, `${clock.monotonic() - begun} ms`);
      });

    it('lets a tunnel be as slow as it likes: one byte of a frame a second', async () => {
      const connecting = connect();
      await say(whole);
      const { stream } = await connecting;
      let received = 0;
      stream.on('data', (bytes: Buffer) => (received += bytes.length)).on('error', () => undefined);
      const slow = data(1, Buffer.alloc(1000));
      await say(slow.subarray(0, 9));
      for (let i = 0; i < 19; i++) {
        await say(slow.subarray(9 + i, 10 + i));
        await clock.advance(1000);
      }
      assert.equal(ended, 'open');
      assert.equal(received, 19);
    });

    for (const [what, one] of Object.entries({ PINGs: ping(), SETTINGS: settings() })) {
      const many = (count: number) => Buffer.concat(Array.from({ length: count }, () => one));
      it(`takes 1000 ${what} at once and 100 each second after that, and ends the session at one more`, async () => {
        await say(many(1000));
        assert.equal(ended, 'open');
        await clock.advance(1000);
        await say(many(100));
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(ended, 'open');
        await say(one);
        await closed;
        assert.equal(codeOf(ended), 'SESSION_BROKEN');
      });
    }
  });
}
