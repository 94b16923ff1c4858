import assert from 'node:assert/strict';
import type { DuplexIncoming } from '../fakes/duplex-sessions.ts';
import { frame, frameTypes, flags, headers, preface, settings } from '../attack/frames.ts';
import { connectBlock, indexed, kept, literal } from '../attack/hpack.ts';
import { FakeClock } from '../fakes/clock.ts';
import { connected } from '../fakes/http2-ends.ts';
import type { Make } from './http2-foreign.ts';

/** Streams whose headers are beyond the limits, which a session must count though nobody serves them. */
export function http2Refused(name: string, make: Make): void {
  describe(`http2 conformance: ${name}, a server whose client sends headers beyond the limits`, () => {
    let ends: Awaited<ReturnType<typeof connected>>;
    let clock: FakeClock;
    let refused: number;
    let served: DuplexIncoming[];
    beforeEach(async () => {
      ends = await connected();
      [clock, refused, served] = [new FakeClock(), 0, []];
      const spoken = Promise.withResolvers<void>();
      make(clock).server(ends.accepted, (incoming) => void served.push(incoming), {
        onSettings: spoken.resolve,
        onRefused: (resets) => (refused += resets),
      });
      ends.dialled.resume().on('error', () => undefined);
      ends.dialled.write(Buffer.concat([preface, settings(), frame(frameTypes.settings, flags.ack, 0)]));
      await spoken.promise;
    });
    afterEach(() => {
      ends.dialled.destroy();
      ends.accepted.destroy();
    });

    /** Resolves when the server has read it and looked. */
    const say = async (...frames: readonly Buffer[]) => {
      const bytes = Buffer.concat(frames);
      const wanted = ends.accepted.bytesRead + bytes.length;
      ends.dialled.write(bytes);
      while (ends.accepted.bytesRead < wanted && !ends.accepted.destroyed)
        await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(500);
    };
    const honest = connectBlock('10.0.0.1:8080');
    const bombs: Readonly<Record<string, Buffer>> = {
      'that refer to one large field many times': connectBlock(
        '10.0.0.1:8080',
        kept('x', 'y'.repeat(3500)),
        ...Array.from({ length: 20 }, () => indexed(62)),
      ),
      'of too many fields': connectBlock(
        '10.0.0.1:8080',
        ...Array.from({ length: 200 }, () => literal('cookie', 'a=b')),
      ),
    };
    for (const [what, bomb] of Object.entries(bombs))
      it(`counts those ${what}, without the newest stream`, async () => {
        await say(headers(1, honest));
        await say(...Array.from({ length: 20 }, (_, i) => headers(2 * i + 3, bomb)));
        await say(headers(43, honest));
        assert.equal(served.length, 2);
        assert.equal(refused, 19);
      });

    // Twelve bytes each: one reset for each 4 KiB, and four at most.
    for (const [fields, worth] of [
      [250, 1],
      [400, 2],
      [900, 3],
      [2000, 4],
      [4000, 4],
    ] as const)
      it(`counts a stream with ${fields} fields as much as ${worth} resets`, async () => {
        const cookies = Array.from({ length: fields }, () => literal('cookie', 'a=b'));
        const bomb = connectBlock('10.0.0.1:8080', ...cookies);
        await say(...Array.from({ length: 21 }, (_, i) => headers(2 * i + 1, bomb)));
        assert.equal(refused, 20 * worth);
      });

    it('counts nothing for streams that are served, and for one whose headers are not whole yet', async () => {
      for (let stream = 1; stream < 41; stream += 2) await say(headers(stream, honest));
      await say(headers(41, honest, 0));
      await say(frame(frameTypes.continuation, flags.endHeaders, 41));
      await say(headers(43, honest));
      assert.equal(served.length, 22);
      assert.equal(refused, 0);
    });
  });
}
