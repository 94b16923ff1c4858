import assert from 'node:assert/strict';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import fc from 'fast-check';
import { judgePeer, spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import {
  parseLinkAgent,
  parseSpiffeId,
  parseTrustDomain,
  parseWorkloadIdentity,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { alternativeNames } from '@isthmus/mesh/pki/alternative-names.ts';
import { createCsr, readCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, publicKeyDer } from '@isthmus/mesh/pki/key.ts';
import { fromPem, toPem } from '@isthmus/mesh/pki/pem.ts';
import { makeAuthority, tableOf } from '../fakes/authority.ts';

const workload = 'spiffe://cluster.local/ns/shop/sa/cart';
const authority = makeAuthority();
const table = tableOf(authority);
const leafDer = fromPem('CERTIFICATE', authority.leaf(workload).chain)[0]!;
const key = generateKey();
const csrDer = fromPem('CERTIFICATE REQUEST', createCsr(key, workload))[0]!;

/** Real bytes with some overwritten, a piece cut out, or a piece doubled: they get further than noise does. */
const damaged = (bytes: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(bytes.length - 1),
      fc.nat(8),
      fc.boolean(),
    )
    .map(([edits, at, length, twice]) => {
      const copy = Buffer.from(bytes);
      for (const [place, value] of edits) copy[place] = value;
      const tail = copy.subarray(twice ? at : at + length);
      return length === 0 ? copy : Buffer.concat([copy.subarray(0, twice ? at + length : at), tail]);
    });

const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

describe('no certificate, request or name makes a reader throw', () => {
  it('a SPIFFE ID is one or is refused, and what is taken is canonical', () => {
    const near = fc
      .array(
        fc.constantFrom(
          'spiffe://',
          'SPIFFE://',
          '/',
          'ns',
          'sa',
          'a',
          '.',
          '..',
          '%61',
          ':',
          '@',
          '?',
          '#',
          '\0',
          ',',
          '"',
          'é',
          'link.',
        ),
        { maxLength: 14 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
        for (const parse of [parseTrustDomain, parseWorkloadIdentity, parseLinkAgent]) parse(text);
        const id = parseSpiffeId(text);
        if (!id.ok) return;
        const url = new URL(text);
        assert.equal(url.href, text);
        assert.deepEqual(
          [url.protocol, url.port, url.username, url.search, url.hash],
          ['spiffe:', '', '', '', ''],
        );
      }),
      { numRuns: 20_000 },
    );
  });

  it('a request gives the key that signed it, or a sentence', () => {
    fc.assert(
      fc.property(fc.oneof(damaged(csrDer), noise), (der) => {
        const read = readCsr(toPem('CERTIFICATE REQUEST', der));
        if (read.ok) assert.deepEqual(publicKeyDer(read.value.publicKey), publicKeyDer(key.publicKey));
        else assert.equal(typeof read.error, 'string');
      }),
      { numRuns: 5000 },
    );
    fc.assert(fc.property(fc.string(), (text) => void readCsr(text)));
  });

  it('a damaged leaf is refused, or still has exactly its identity', () => {
    let readable = 0;
    fc.assert(
      fc.property(damaged(leafDer), (der) => {
        const leaf = certificateOf(der);
        if (!leaf) return;
        readable++;
        alternativeNames(leaf);
        spiffeIdOf(leaf);
        const judged = judgePeer(leaf.raw, table, { now: Date.now(), role: 'client' });
        if (judged.ok) assert.equal(judged.value.spiffeId, workload);
      }),
      { numRuns: 5000 },
    );
    // Otherwise nothing of ours was tried.
    assert.ok(readable > 100, `${readable} were readable`);
  });

  it('no request takes long', () => {
    const nested = Buffer.concat(Array.from({ length: 4000 }, () => Buffer.of(0x30, 0x80)));
    const wide = Buffer.concat([Buffer.of(0x30, 0x82, 0x2e, 0xe0), Buffer.alloc(12_000, 0x05)]);
    for (const der of [nested, wide, Buffer.alloc(12_000, 0x30)]) {
      const started = process.cpuUsage();
      assert.equal(readCsr(toPem('CERTIFICATE REQUEST', der)).ok, false);
      const { user, system } = process.cpuUsage(started);
      assert.ok(user + system < 500_000, `${user + system} µs`);
    }
  });
});
