import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DeltaDiscoveryResponseSchema } from '@isthmus/api/gen/upstream/discovery_pb.js';
import { encodeMessage } from '@isthmus/api/wire/binary.ts';
import { discoveryResponse } from '@isthmus/api/wire/discovery.ts';
import type { DeltaResponse } from '@isthmus/mesh/delta/messages.ts';

const text = fc.string({ unit: 'binary', maxLength: 300 }).map((one) => one.toWellFormed());
const response: fc.Arbitrary<DeltaResponse> = fc.record({
  type: text,
  nonce: text,
  systemVersion: fc.constant({ epoch: 7n, revision: 9n }),
  resources: fc.array(fc.record({ name: text, version: text, body: fc.uint8Array({ maxLength: 300 }) }), {
    maxLength: 5,
  }),
  removed: fc.array(text, { maxLength: 5 }),
  complete: fc.boolean(),
});

/** As the schema says it. */
const bySchema = ({ type, nonce, resources, removed, complete }: DeltaResponse): Uint8Array =>
  encodeMessage(DeltaDiscoveryResponseSchema, {
    systemVersionInfo: `7.9${complete ? '' : '+more'}`,
    typeUrl: type,
    nonce,
    resources: resources.map(({ name, version, body }) => ({
      name,
      version,
      resource: { typeUrl: type, value: body },
    })),
    removedResources: [...removed],
  });

const assertSame = (one: DeltaResponse): void =>
  assert.deepEqual(Buffer.from(discoveryResponse.encode(one)), Buffer.from(bySchema(one)));

describe('a discovery response', () => {
  it('has the bytes that its schema gives it', () => fc.assert(fc.property(response, assertSame)));

  for (const size of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
    it(`has them also with a resource of ${size} bytes`, () =>
      assertSame({
        type: 't',
        nonce: '1',
        systemVersion: { epoch: 7n, revision: 9n },
        resources: [{ name: 'a', version: 'v', body: new Uint8Array(size) }],
        removed: [],
        complete: true,
      }));
});
