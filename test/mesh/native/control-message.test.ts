import { deepEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { descriptorBytes, descriptorsOf } from '@isthmus/mesh/native/control-message.ts';

describe('descriptors beside a packet', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 16 }), (descriptors) => {
        deepEqual(descriptorsOf(descriptorBytes(descriptors)), descriptors);
      }),
    );
  });

  it('are one u64 length, two words and one descriptor, padded to 24 bytes', () => {
    deepEqual(
      descriptorBytes([7]).toString('hex'),
      '14000000000000000100000001000000' + '07000000' + '00000000',
    );
  });

  it('are never more than the bytes hold, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        ok(descriptorsOf(Buffer.from(bytes)).length <= bytes.length / 4);
      }),
    );
  });

  it('of several messages are all found, and other messages have none', () => {
    const other = descriptorBytes([9]);
    other.writeInt32LE(2, 12);
    deepEqual(
      descriptorsOf(Buffer.concat([descriptorBytes([3]), other, descriptorBytes([4, 5])])),
      [3, 4, 5],
    );
  });
});
