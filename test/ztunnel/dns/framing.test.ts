import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Frames, writeFrame } from '@isthmus/ztunnel/dns/framing.ts';

const framed = (message: Buffer): Buffer => {
  const written: Buffer[] = [];
  writeFrame({ write: (bytes) => written.push(bytes) > 0 }, message);
  return Buffer.concat(written);
};

describe('messages of a TCP connection', () => {
  it('come whole and in order, in whatever pieces their bytes come', () =>
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 20 }),
        (messages, sizes) => {
          const bytes = Buffer.concat(messages.map((one) => framed(Buffer.from(one))));
          const got: Buffer[] = [];
          const frames = new Frames((message) => got.push(Buffer.from(message)));
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            const piece = Buffer.from(bytes.subarray(at, at + size));
            frames.take(piece);
            // What was given is the giver's again.
            piece.fill(0xee);
            at += size;
          }
          assert.deepEqual(
            got.map((one) => [...one]),
            messages.map((one) => [...one]),
          );
          assert.ok(frames.isEmpty);
        },
      ),
    ));

  for (const length of [65_534, 65_535])
    it(`may have ${length} bytes`, () => {
      const got: number[] = [];
      new Frames((message) => got.push(message.length)).take(framed(Buffer.alloc(length)));
      assert.deepEqual(got, [length]);
    });
});
