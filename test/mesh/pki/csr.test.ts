import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createCsr, readCsr } from '@isthmus/mesh/pki/csr.ts';
import { issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, publicKeyDer, type KeyPair } from '@isthmus/mesh/pki/key.ts';
import { fromPem, splitPem, toPem } from '@isthmus/mesh/pki/pem.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../fakes/authority.ts';

const asPair = (of: { privateKey: unknown; publicKey: unknown }): KeyPair => of as KeyPair;
const ec = (namedCurve: string) => asPair(generateKeyPairSync('ec', { namedCurve }));
const rsa = (modulusLength: number) => asPair(generateKeyPairSync('rsa', { modulusLength }));

// openssl req -new -nodes -subj / -newkey ec, once with secp384r1 and -sha384, once with prime256v1 and -sha1.
const opensslP384 = `-----BEGIN CERTIFICATE REQUEST-----
MIH4MH8CAQAwADB2MBAGByqGSM49AgEGBSuBBAAiA2IABMCF4mJzSZ53dIgHsr9y
T1scZCOCf2Bneb71JSVsYf2kctKFtlDmGL+lt9AzE7+qskXhnOMMMjYELWJE41/8
TQlq/mk2IvbyMAmsCreHi5UXPKKw825EZua69hEit4JNQaAAMAoGCCqGSM49BAMD
A2kAMGYCMQCQjqs37Ee3oLH/QGCcXwDzKnz9x+BQ9g524QKHZOqHxoPgqQwloD1K
RvwaDfUAH+MCMQDHZzNP/jRM58q5VWIO3+qBs3b1hcvmeMnra8siG5w8xlqK2xSV
K30nElTd9UfcjPw=
-----END CERTIFICATE REQUEST-----
`;
const opensslSha1 = `-----BEGIN CERTIFICATE REQUEST-----
MIG4MGICAQAwADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABATf2ZE3nwnq+9zT
njody87MuATFpkjZfSLIzAL3lvbAzn3gy17x0XK+AvxBLxWP3FYwySLMDdeR7x5W
abgGHw6gADAJBgcqhkjOPQQBA0cAMEQCIB74lIFhdjk8Nflb20IP+LQK2v+zEoVK
CnlcFH5FQARrAiA1zGdv4zFYBKQGpp2vcm+EzA5sL+rIFQLyUGNe2KYvvA==
-----END CERTIFICATE REQUEST-----
`;

describe('mesh/pki requests', () => {
  it('gives back the key that made it', () => {
    const key = generateKey();
    const read = readCsr(createCsr(key, 'spiffe://cluster.local/ns/shop/sa/cart'));
    assert.ok(read.ok);
    assert.deepEqual(publicKeyDer(read.value.publicKey), publicKeyDer(key.publicKey));
  });

  it('names that a request asks for reach no certificate', () => {
    const { intermediate } = makeAuthority();
    const read = readCsr(createCsr(generateKey(), 'spiffe://cluster.local/ns/istio-system/sa/admin'));
    assert.ok(read.ok);
    const own = 'spiffe://cluster.local/ns/shop/sa/cart';
    const leaf = issueLeaf(own, read.value.publicKey, intermediate, { now: Date.now() }, systemRandom);
    assert.equal(leaf.subjectAltName, `URI:${own}`);
    assert.doesNotMatch(leaf.raw.toString('latin1'), /admin/);
  });

  const keys: readonly (readonly [string, KeyPair, boolean])[] = [
    ['P-256', generateKey(), true],
    ['P-384', ec('secp384r1'), true],
    ['RSA 2048', rsa(2048), true],
    ['RSA 1024', rsa(1024), false],
    ['secp256k1', ec('secp256k1'), false],
    ['P-521', ec('secp521r1'), false],
  ];
  for (const [name, key, taken] of keys)
    it(`${taken ? 'takes' : 'refuses'} ${name}`, () => assert.equal(readCsr(createCsr(key)).ok, taken));

  for (const [name, key] of [
    ['P-256', generateKey()],
    ['P-384', ec('secp384r1')],
    ['RSA 2048', rsa(2048)],
  ] as const)
    for (const hash of ['sha256', 'sha384', 'sha512'] as const)
      it(`takes ${name} with ${hash}, and gives it a certificate that verifies`, () => {
        const { intermediate, trustDomain } = makeAuthority();
        const read = readCsr(createCsr(key, undefined, hash));
        assert.ok(read.ok, JSON.stringify(read));
        const id = `spiffe://${trustDomain}/ns/shop/sa/cart`;
        const leaf = issueLeaf(id, read.value.publicKey, intermediate, { now: Date.now() }, systemRandom);
        assert.ok(leaf.checkPrivateKey(key.privateKey));
        assert.ok(leaf.verify(intermediate.certificate.publicKey));
      });

  it('takes what openssl made with P-384 and SHA-384, and refuses what it made with SHA-1', () => {
    assert.equal(readCsr(opensslP384).ok, true);
    const weak = readCsr(opensslSha1);
    assert.ok(!weak.ok);
    assert.match(weak.error, /SHA-256, SHA-384 or SHA-512/);
  });

  it('refuses a request that names another hash than the one it is signed with', () => {
    const key = generateKey();
    const der = fromPem('CERTIFICATE REQUEST', createCsr(key))[0]!;
    // ecdsa-with-SHA256 ends in 02 and ecdsa-with-SHA384 in 03.
    const at = der.indexOf(Buffer.from('2a8648ce3d040302', 'hex')) + 7;
    der[at] = 3;
    const read = readCsr(toPem('CERTIFICATE REQUEST', der));
    assert.match(JSON.stringify(read), /not signed by the key in it with SHA-384/);
  });

  it('a byte changed anywhere gives no other key, and one in what is signed gives none', () => {
    const key = generateKey();
    const der = fromPem('CERTIFICATE REQUEST', createCsr(key))[0]!;
    // The outer header has three bytes here; the signed part follows, with a header of its own.
    const signed = { from: 3, to: 3 + 2 + der[4]! };
    for (let at = 0; at < der.length; at++) {
      const copy = Buffer.from(der);
      copy[at] = copy[at]! ^ 0x01;
      const read = readCsr(toPem('CERTIFICATE REQUEST', copy));
      if (at >= signed.from && at < signed.to) assert.equal(read.ok, false, `byte ${at}`);
      else if (read.ok) assert.deepEqual(publicKeyDer(read.value.publicKey), publicKeyDer(key.publicKey));
    }
  });

  it('refuses a request whose key was replaced', () => {
    const der = fromPem('CERTIFICATE REQUEST', createCsr(generateKey()))[0]!;
    const [own, other] = [
      publicKeyDer(generateKey().publicKey),
      der.indexOf(publicKeyDer(generateKey().publicKey).subarray(0, 27)),
    ];
    const forged = Buffer.concat([der.subarray(0, other), own, der.subarray(other + own.length)]);
    assert.equal(forged.length, der.length);
    assert.match(JSON.stringify(readCsr(toPem('CERTIFICATE REQUEST', forged))), /not signed by the key/);
  });

  const bad: Record<string, string> = {
    nothing: '',
    'no PEM': 'hello',
    'another label': toPem('CERTIFICATE', Buffer.from('x')),
    'an empty body': toPem('CERTIFICATE REQUEST', Buffer.alloc(0)),
    'deep nesting': toPem(
      'CERTIFICATE REQUEST',
      Buffer.from('30'.repeat(1).concat('80').repeat(4000), 'hex'),
    ),
    'more than 16 KiB': `${createCsr(generateKey())}${' '.repeat(16 * 1024)}`,
  };
  for (const [what, pem] of Object.entries(bad))
    it(`refuses ${what} with a sentence`, () => {
      const read = readCsr(pem);
      assert.ok(!read.ok);
      assert.ok(read.error.length > 10);
    });

  it('PEM is read back block by block', () => {
    const { root, intermediate } = makeAuthority();
    const both = root.toString() + 'text between\n' + intermediate.certificate.toString();
    assert.equal(splitPem(both).length, 2);
    assert.deepEqual(fromPem('CERTIFICATE', both)[1], intermediate.certificate.raw);
  });
});
