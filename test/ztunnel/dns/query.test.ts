import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isAnswerable, readQuery } from '@isthmus/ztunnel/dns/query.ts';
import { fitted, misreadMessage } from '@isthmus/ztunnel/dns/response.ts';
import { layoutOf } from '@isthmus/ztunnel/dns/layout.ts';
import { questionBytes, withEdns } from './asked.ts';

const refusal = (bytes: Buffer): string => {
  const read = readQuery(bytes);
  return read.ok ? 'read' : read.error.rcode;
};
const changed = (bytes: Buffer, at: number, value: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(value, at);
  return copy;
};
const plain = questionBytes('cart.shop');
const known = questionBytes('cart.shop', 'A', withEdns(1232));
/** Where the only record after the question begins. */
const optAt = plain.length;
/** A message of a header with these counts, and what follows. */
const raw = (counts: readonly [number, number, number, number], rest: Buffer): Buffer => {
  const head = Buffer.alloc(12);
  counts.forEach((count, i) => head.writeUInt16BE(count, 4 + 2 * i));
  return Buffer.concat([head, rest]);
};

describe('a question', () => {
  it('is read with its name in lower case, its type, and what the client takes', () => {
    const read = readQuery(questionBytes('Cart.SHOP', 'AAAA', withEdns(4096, 0x8000)));
    assert.ok(read.ok);
    const { id, name, type, isInternet, edns } = read.value;
    assert.deepEqual(
      { id, name, type, isInternet, edns },
      {
        id: 0x1234,
        name: 'cart.shop',
        type: 'AAAA',
        isInternet: true,
        edns: { payload: 4096, dnssecOk: true, version: 0 },
      },
    );
  });

  const refused: Record<string, readonly [Buffer, string]> = {
    'another operation': [changed(plain, 2, 0x29), 'NOTIMP'],
    'no question': [raw([0, 0, 0, 0], Buffer.alloc(0)), 'FORMERR'],
    'two questions': [raw([2, 0, 0, 0], Buffer.concat([plain.subarray(12), plain.subarray(12)])), 'FORMERR'],
    'a question that is cut': [plain.subarray(0, -1), 'FORMERR'],
    'bytes behind the message': [Buffer.concat([plain, Buffer.from([0])]), 'FORMERR'],
    'more records than there are': [changed(plain, 7, 1), 'FORMERR'],
    '65,535 records of each kind': [raw([1, 65_535, 65_535, 65_535], plain.subarray(12)), 'FORMERR'],
    'a label of 64 bytes': [changed(plain, 12, 64), 'FORMERR'],
    'a pointer in the question': [raw([1, 0, 0, 0], Buffer.from([0xc0, 0, 0, 1, 0, 1])), 'FORMERR'],
    'a label, and a pointer into the header': [
      raw([1, 0, 0, 0], Buffer.from([1, 97, 0xc0, 0, 0, 1, 0, 1])),
      'FORMERR',
    ],
    'two OPTs': [
      raw([1, 0, 0, 2], Buffer.concat([plain.subarray(12), known.subarray(optAt), known.subarray(optAt)])),
      'FORMERR',
    ],
    'an OPT with a name': [
      raw([1, 0, 0, 1], Buffer.concat([plain.subarray(12), Buffer.from([1, 97]), known.subarray(optAt)])),
      'FORMERR',
    ],
    'a version of EDNS that is not known': [changed(known, optAt + 6, 1), 'BADVERS'],
  };
  for (const [name, [bytes, expected]] of Object.entries(refused))
    it(`is refused with ${expected}: ${name}`, () => assert.equal(refusal(bytes), expected));

  it('may have a name of 255 bytes, and of no more', () => {
    const of = (length: number) =>
      [63, 63, 63, length - 3 * 64 - 2].map((bytes) => 'a'.repeat(bytes)).join('.');
    assert.equal(refusal(questionBytes(of(254))), 'read');
    assert.equal(refusal(questionBytes(of(255))), 'read');
    assert.equal(refusal(questionBytes(of(256))), 'FORMERR');
  });

  for (const [what, label] of Object.entries({
    'a dot in a label': Buffer.from('a.b'),
    'a label that is no ASCII': Buffer.from('\u212aart'),
    'a label that is no text': Buffer.from([0xff, 0xfe]),
    'a space in a label': Buffer.from('a b'),
  }))
    it(`with ${what} has no name of the mesh, and is forwarded`, () => {
      const name = Buffer.concat([Buffer.from([label.length]), label, Buffer.from([0, 0, 1, 0, 1])]);
      const read = readQuery(raw([1, 0, 0, 0], name));
      assert.ok(read.ok);
      assert.equal(read.value.name, undefined);
    });

  it('of a transfer, with records beside it, is forwarded', () => {
    const record = Buffer.from([0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0]);
    const read = readQuery(raw([1, 0, 1, 0], Buffer.concat([plain.subarray(12), record])));
    assert.ok(read.ok);
    assert.equal(read.value.name, undefined);
  });

  it('of the root has the empty name', () => {
    const read = readQuery(questionBytes('.', 'NS'));
    assert.ok(read.ok);
    assert.equal(read.value.name, '');
  });

  it('is never answered when it is an answer itself, or has no header', () => {
    assert.equal(isAnswerable(changed(plain, 2, 0x81)), false);
    assert.equal(isAnswerable(plain.subarray(0, 11)), false);
    assert.equal(isAnswerable(plain), true);
  });
});

describe('any bytes', () => {
  /** Bytes that are nearly a question, and bytes that are anything. */
  const mutated = fc
    .tuple(
      fc.constantFrom(plain, known),
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }),
      fc.nat(60),
    )
    .map(([bytes, changes, cut]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy.subarray(0, copy.length - (cut < 20 ? cut : 0));
    });
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));

  it('are read, refused with an answer that has their id, or not answered', () =>
    fc.assert(
      fc.property(fc.oneof(mutated, anything), (bytes) => {
        if (!isAnswerable(bytes)) return;
        const read = readQuery(bytes);
        if (read.ok) {
          assert.equal(read.value.id, bytes.readUInt16BE(0));
          return;
        }
        const said = misreadMessage(read.error);
        assert.equal(said.readUInt16BE(0), bytes.readUInt16BE(0));
        assert.ok(layoutOf(said), 'it is whole');
        assert.equal(isAnswerable(said), false);
      }),
      { numRuns: 3000 },
    ));

  it('fit into any room that holds a question', () =>
    fc.assert(
      fc.property(fc.oneof(mutated, anything), fc.integer({ min: 512, max: 600 }), (bytes, room) => {
        const whole = bytes.length >= 12 ? bytes : Buffer.alloc(12);
        assert.ok(fitted(whole, room).length <= room);
      }),
      { numRuns: 1000 },
    ));

  it('of 64 KiB in which every name points to the one before are read in one pass', () => {
    const records = 5000;
    const chain = Buffer.concat(
      Array.from({ length: records }, (_, i) => {
        const record = Buffer.alloc(12);
        record.writeUInt16BE(0xc000 | Math.min(0x3fff, i === 0 ? 12 : plain.length + 12 * (i - 1)), 0);
        record.writeUInt16BE(1, 2);
        return record;
      }),
    );
    const bytes = raw([1, 0, 0, records], Buffer.concat([plain.subarray(12), chain]));
    assert.equal(layoutOf(bytes)?.additionals.length, records);
    assert.equal(refusal(bytes), 'read');
  });
});
