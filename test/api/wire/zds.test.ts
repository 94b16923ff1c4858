import { deepEqual, equal, match, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { zdsAnswer, zdsHello, zdsMaxBytes, zdsRequest, type ZdsRequest } from '@isthmus/api/wire/zds.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const of = (text: string): Buffer => Buffer.from(text, 'hex');
const pod = { uid: 'u-1', name: 'cart', namespace: 'shop', serviceAccount: 'sa' };

const label = fc.stringMatching(/^[a-z0-9]{1,30}$/);
const request: fc.Arbitrary<ZdsRequest> = fc.oneof(
  fc
    .record({ uid: label, name: label, namespace: label, serviceAccount: label })
    .map((one) => ({ kind: 'add' as const, pod: { ...one } })),
  label.map((uid) => ({ kind: 'keep' as const, uid })),
  label.map((uid) => ({ kind: 'del' as const, uid })),
  fc.constant({ kind: 'snapshot-sent' as const }),
);

describe('ZDS', () => {
  it('has the bytes that upstream has', () => {
    equal(hex(zdsHello.encode({})), '0801');
    equal(hex(zdsAnswer.encode({ problem: undefined })), '0a00');
    equal(hex(zdsAnswer.encode({ problem: 'no' })), '0a040a026e6f');
    equal(hex(zdsRequest.encode({ kind: 'snapshot-sent' })), '1a00');
    equal(hex(zdsRequest.encode({ kind: 'keep', uid: 'u-1' })), '2a050a03752d31');
    // The uid of a deletion is field 2.
    equal(hex(zdsRequest.encode({ kind: 'del', uid: 'u-1' })), '12051203752d31');
    equal(
      hex(zdsRequest.encode({ kind: 'add', pod })),
      '0a170a03752d311210' + '0a0463617274' + '120473686f70' + '1a027361',
    );
  });

  it('is decoded as it was encoded', () => {
    fc.assert(
      fc.property(request, (one) =>
        deepEqual(zdsRequest.decode(zdsRequest.encode(one)), { ok: true, value: one }),
      ),
    );
    deepEqual(zdsAnswer.decode(of('0a00')), { ok: true, value: { problem: undefined } });
    deepEqual(zdsAnswer.decode(of('0a040a026e6f')), { ok: true, value: { problem: 'no' } });
    deepEqual(zdsHello.decode(of('0801')), { ok: true, value: {} });
  });

  const refused = (
    bytes: Uint8Array,
    codec: { decode(bytes: Uint8Array): { ok: boolean; error?: string } },
  ) => {
    const decoded = codec.decode(bytes);
    ok(!decoded.ok);
    return decoded.error ?? '';
  };

  it('is refused with the field that is wrong', () => {
    match(refused(of('0802'), zdsHello), /version: 2 is not spoken/);
    match(refused(of(''), zdsHello), /version: 0 is not spoken/);
    match(refused(of(''), zdsRequest), /payload: is missing/);
    match(refused(of(''), zdsAnswer), /payload: is missing/);
    match(refused(of('0a050a03752d31'), zdsRequest), /add\.workload_info: is missing/);
    match(refused(zdsRequest.encode({ kind: 'del', uid: '' }), zdsRequest), /del\.uid/);
    match(
      refused(zdsRequest.encode({ kind: 'add', pod: { ...pod, namespace: 'A' } }), zdsRequest),
      /add\.workload_info\.namespace/,
    );
    match(refused(of('0a17'), zdsRequest), /not a istio\.workload\.zds\.WorkloadRequest/);
  });

  for (const [bytes, isTaken] of [
    [zdsMaxBytes - 1, true],
    [zdsMaxBytes, true],
    [zdsMaxBytes + 1, false],
  ] as const)
    it(`of ${bytes} bytes is ${isTaken ? 'taken' : 'refused'}`, () => {
      // An unknown field of that length, after a whole message.
      const filler = bytes - 2 - 3;
      const message = Buffer.concat([
        of('1a00'),
        of('7a'),
        Buffer.from([(filler & 127) | 128, filler >> 7]),
        Buffer.alloc(filler),
      ]);
      equal(message.length, bytes);
      equal(zdsRequest.decode(message).ok, isTaken);
    });

  it('answers with a reason that fits, however long it is', () => {
    const bytes = zdsAnswer.encode({ problem: '€'.repeat(5000) });
    ok(bytes.length <= zdsMaxBytes);
    ok(zdsAnswer.decode(bytes).ok);
    match(hex(zdsAnswer.encode({ problem: '' })), /^0a..0a/);
  });
});
