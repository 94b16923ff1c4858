import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeAddress, encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { decodeAuthorization, encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { certificateRequest, certificateResponse } from '@isthmus/api/wire/certificate.ts';
import { discoveryRequest, discoveryResponse } from '@isthmus/api/wire/discovery.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { proxyReport } from '@isthmus/api/wire/proxy-report.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { zdsAnswer, zdsHello, zdsRequest } from '@isthmus/api/wire/zds.ts';
import { authorization, service, workload } from '../fakes/arbitrary-records.ts';

type Decode = (bytes: Uint8Array) => { readonly ok: boolean };

const codecs = Object.fromEntries(
  Object.entries(link).flatMap(([name, value]) =>
    'decode' in value ? [[`link ${name}`, (bytes: Uint8Array) => value.decode(bytes)] as const] : [],
  ),
);

const decoders: Record<string, Decode> = {
  address: decodeAddress,
  authorization: (bytes) => decodeAuthorization('a/b', bytes),
  'trust bundle': decodeTrustBundle,
  intermediate: decodeIntermediate,
  'discovery request': discoveryRequest.decode,
  'discovery response': discoveryResponse.decode,
  'certificate request': certificateRequest.decode,
  'certificate response': certificateResponse.decode,
  'proxy report': proxyReport.decode,
  'ZDS hello': zdsHello.decode,
  'ZDS request': zdsRequest.decode,
  'ZDS answer': zdsAnswer.decode,
  ...codecs,
};

/** Bytes of real messages, with some overwritten, cut out or doubled: they get further than noise does. */
const damaged = fc
  .tuple(
    fc.oneof(
      workload.map((one) => encodeWorkload(one)),
      service.map((one) => encodeService(one)),
      authorization.map(encodeAuthorization),
    ),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
    fc.nat(),
  )
  .map(([bytes, edits, cut]) => {
    const copy = Uint8Array.from(bytes);
    for (const [at, value] of edits) if (copy.length > 0) copy[at % copy.length] = value;
    return copy.subarray(0, copy.length - (cut % 4));
  });

describe('no bytes make a decoder throw', () => {
  for (const [name, decode] of Object.entries(decoders))
    it(name, () => {
      fc.assert(
        fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
          assert.equal(typeof decode(bytes).ok, 'boolean');
        }),
        { numRuns: 400 },
      );
    });

  it('and what a decoder takes, it can encode again', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const decoded = decodeAddress(bytes);
        if (!decoded.ok) return;
        const { value } = decoded;
        const again =
          value.kind === 'workload' ? encodeWorkload(value.workload) : encodeService(value.service);
        assert.deepEqual(decodeAddress(again), decoded);
      }),
      { numRuns: 2000 },
    );
  });
});
