import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { HealthReport } from '@isthmus/api/domain/report.ts';
import type { PlainCodec } from '@isthmus/api/wire/binary.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { decodeHealthAck, decodePulse, encodePulse } from '@isthmus/api/wire/link/plain-health.ts';
import { decodePlainSync, encodePlainSync } from '@isthmus/api/wire/link/plain-sync.ts';
import type { DeltaRequest, DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });
const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
const text = fc.oneof({ arbitrary: ascii, weight: 9 }, fc.string({ unit: 'grapheme', maxLength: 6 }));
const count = fc.oneof(
  fc.nat(300),
  fc.nat(),
  fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 32, 2 ** 49 - 1),
);
const systemVersion = fc.oneof(
  { arbitrary: count.map(BigInt), weight: 5 },
  fc.constantFrom(2n ** 49n, 2n ** 53n, 2n ** 64n - 1n),
);
/** Sometimes more than one byte of length. */
const body = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom(127, 128, 20_000).map((n) => new Uint8Array(n)),
);
const names = fc.array(text, { maxLength: 3 });

const resource: fc.Arbitrary<Resource> = record<Resource>({ name: text, version: text, body });

const response: fc.Arbitrary<DeltaResponse> = fc
  .tuple(
    record<DeltaResponse>({
      type: text,
      nonce: text,
      systemVersion: record({ epoch: systemVersion, revision: systemVersion }),
      resources: fc.array(resource, { maxLength: 3 }),
      removed: names,
      complete: fc.boolean(),
    }),
    fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, names),
  )
  .map(([one, groupsToList]) => (groupsToList.length > 0 ? { ...one, groupsToList } : one));

const request: fc.Arbitrary<DeltaRequest> = record<DeltaRequest>({
  type: text,
  subscribe: fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, names),
  unsubscribe: fc.oneof({ arbitrary: fc.constant([]), weight: 4 }, names),
  initialVersions: fc
    .oneof({ arbitrary: fc.constant([]), weight: 4 }, fc.array(fc.tuple(text, text), { maxLength: 2 }))
    .map((entries) => new Map(entries)),
  nonce: text,
  error: text,
});

const syncMessage: fc.Arbitrary<link.SyncMessage> = fc.oneof(
  request.map((one) => ({ kind: 'request' as const, request: one })),
  response.map((one) => ({ kind: 'response' as const, response: one })),
);

const healthReport: fc.Arbitrary<HealthReport> = fc
  .tuple(
    record({ sequence: count, sentAt: count, proxiesConnected: fc.nat(), workloads: fc.nat() }),
    fc.boolean(),
  )
  .map(([numbers, partial]) => ({
    ...numbers,
    services: [],
    unreadable: [],
    ...(partial && { partial: true }),
  }));

/** Bytes that were a message, and of which some are others, are missing or are there twice. */
const damaged = (bytes: Uint8Array, [at, byte, how]: readonly [number, number, number]): Uint8Array => {
  const place = at % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(how === 0 ? place : place + 1)];
  return Buffer.concat([before, how === 2 ? Buffer.of() : Buffer.of(byte), after]);
};
const damage = fc.tuple(fc.nat(), fc.nat(255), fc.nat(2));

function isSame<T>(what: string, messages: fc.Arbitrary<T>, codec: PlainCodec<T>): void {
  const { generated } = codec;
  describe(what, () => {
    it('has the bytes that the generated code gives', () =>
      fc.assert(
        fc.property(messages, (message) =>
          assert.deepEqual(Buffer.from(codec.encode(message)), Buffer.from(generated.encode(message))),
        ),
        { numRuns: 500 },
      ));

    it('is read as the generated code reads it', () =>
      fc.assert(
        fc.property(messages, (message) => {
          const bytes = generated.encode(message);
          assert.deepEqual(codec.decode(bytes), generated.decode(bytes));
        }),
        { numRuns: 500 },
      ));

    it('is read, or refused for the same reason, as the generated code does when it is damaged', () =>
      fc.assert(
        fc.property(messages, fc.array(damage, { minLength: 1, maxLength: 3 }), (message, all) => {
          const bytes = all.reduce(damaged, generated.encode(message));
          assert.deepEqual(codec.decode(bytes), generated.decode(bytes));
        }),
        { numRuns: 2000 },
      ));
  });
}

isSame('a message of the Sync stream', syncMessage, link.syncMessage);
isSame('a health report without services', healthReport, link.healthReport);
isSame('an acknowledgement of a health report', count, link.healthAck);

describe('what nearly every message is', () => {
  const page = {
    type: 'remote',
    nonce: '17',
    systemVersion: { epoch: 1n, revision: 7n },
    resources: [{ name: 'west/shop/cart', version: '0123456789abcdef', body: new Uint8Array(200) }],
    removed: ['west/shop/old'],
    complete: true,
  };
  const acknowledgement = {
    type: 'remote',
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map<string, string>(),
    nonce: '17',
    error: '',
  };

  it('needs no generated code', () => {
    for (const message of [
      { kind: 'response' as const, response: page },
      { kind: 'request' as const, request: acknowledgement },
    ]) {
      const bytes = encodePlainSync(message);
      assert.ok(bytes);
      assert.deepEqual(decodePlainSync(bytes), message);
    }
    const pulse = { sequence: 5, sentAt: 1_790_000_000_000, proxiesConnected: 3, workloads: 9 };
    const report = { ...pulse, services: [], unreadable: [], partial: true as const };
    const bytes = encodePulse(report);
    assert.ok(bytes);
    assert.deepEqual(decodePulse(bytes), report);
    assert.equal(decodeHealthAck(link.healthAck.encode(300)), 300);
  });
});
