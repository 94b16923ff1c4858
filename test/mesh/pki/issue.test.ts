import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { children, content, decode } from '@isthmus/mesh/pki/der.ts';
import {
  day,
  hour,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  issueTlsServer,
  keyIdOf,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

const now = Date.UTC(2026, 4, 1, 12);
const id = 'spiffe://cluster.local/ns/shop/sa/cart';

function chainAt(at = now) {
  const [rootKey, key, leafKey] = [generateKey(), generateKey(), generateKey()];
  const root = issueRoot('cluster.local root', rootKey, { now: at }, systemRandom);
  const rootIssuer = { certificate: root, privateKey: rootKey.privateKey };
  const certificate = issueIntermediate('east 1', key.publicKey, rootIssuer, { now: at }, systemRandom);
  const issuer = { certificate, privateKey: key.privateKey };
  return { root, rootIssuer, certificate, issuer, leafKey, rootKey };
}

const life = ({ validFrom, validTo }: X509Certificate) => [Date.parse(validFrom), Date.parse(validTo)];
const tbsOf = (certificate: X509Certificate) => {
  const parsed = decode(certificate.raw);
  assert.ok(parsed.ok);
  return children(children(parsed.value)[0]);
};

describe('mesh/pki certificates', () => {
  it('a chain verifies link by link, and lives as long as it should', () => {
    const { root, certificate, issuer, leafKey } = chainAt();
    const leaf = issueLeaf(id, leafKey.publicKey, issuer, { now }, systemRandom);
    assert.ok(leaf.checkIssued(certificate) && leaf.verify(certificate.publicKey));
    assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey));
    assert.deepEqual([root.ca, certificate.ca, leaf.ca], [true, true, false]);
    assert.deepEqual(life(leaf), [now - 60_000, now + 24 * hour]);
    assert.deepEqual(life(certificate), [now - 60_000, now + 30 * day]);
    assert.deepEqual(life(root), [now - 60_000, now + 3650 * day]);
  });

  it('a leaf says one URI, critical under an empty subject, and both usages', () => {
    const { issuer, leafKey } = chainAt();
    const leaf = issueLeaf(id, leafKey.publicKey, issuer, { now }, systemRandom);
    assert.equal(leaf.subjectAltName, `URI:${id}`);
    assert.equal(leaf.subject, undefined);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });

  it('nothing outlives what signed it', () => {
    const { issuer, certificate, leafKey, rootIssuer, root } = chainAt();
    const late = Date.parse(certificate.validTo) - hour;
    const leaf = issueLeaf(id, leafKey.publicKey, issuer, { now: late }, systemRandom);
    assert.equal(leaf.validTo, certificate.validTo);
    const last = issueIntermediate(
      'east 2',
      leafKey.publicKey,
      rootIssuer,
      { now: Date.parse(root.validTo) - day },
      systemRandom,
    );
    assert.equal(last.validTo, root.validTo);
  });

  it('an issuer that has expired signs nothing', () => {
    const { issuer, certificate, leafKey } = chainAt();
    const at = { now: Date.parse(certificate.validTo) };
    assert.throws(() => issueLeaf(id, leafKey.publicKey, issuer, at, systemRandom), {
      code: 'ISSUER_EXPIRED',
    });
  });

  it('a key that is not the issuer’s is found before anything is handed out', () => {
    const { certificate, leafKey } = chainAt();
    const mixed = { certificate, privateKey: generateKey().privateKey };
    assert.throws(() => issueLeaf(id, leafKey.publicKey, mixed, { now }, systemRandom), {
      code: 'ISSUER_KEY',
    });
  });

  it('dates are UTCTime before 2050 and GeneralizedTime from then on', () => {
    const edge = Date.UTC(2050, 0, 1);
    const { root } = chainAt(edge - 3650 * day - 1000);
    const { root: later } = chainAt(edge - 3650 * day);
    const types = (certificate: X509Certificate) =>
      children(tbsOf(certificate)[4]).map(({ type }) => type as number);
    assert.deepEqual(types(root), [0x17, 0x17]);
    assert.deepEqual(types(later), [0x17, 0x18]);
    assert.equal(Date.parse(later.validTo), edge);
  });

  it('serials are positive, unique, and at most 20 bytes, whatever the random bytes are', () => {
    for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
      const random = { ...systemRandom, bytes: (length: number) => Buffer.alloc(length, byte) };
      const serial = content(tbsOf(issueRoot('r', generateKey(), { now }, random))[1]);
      assert.ok(serial.length <= 20 && serial.length > 0);
      assert.ok((serial[0]! & 0x80) === 0 && serial.some((one) => one !== 0));
    }
    const { issuer, leafKey } = chainAt();
    const one = () => issueLeaf(id, leafKey.publicKey, issuer, { now }, systemRandom).serialNumber;
    assert.equal(new Set(Array.from({ length: 200 }, one)).size, 200);
  });

  it('key ids are of the key, so that two intermediates never share one', () => {
    assert.notDeepEqual(keyIdOf(generateKey().publicKey), keyIdOf(generateKey().publicKey));
    const { publicKey } = generateKey();
    assert.deepEqual(keyIdOf(publicKey), keyIdOf(publicKey));
    assert.equal(keyIdOf(publicKey).length, 20);
  });

  it('a server’s names are addresses where they are addresses', () => {
    const { issuer } = chainAt();
    const hosts = ['127.7.0.1', '::1', 'hub.example', '999.1.1.1'];
    const leaf = issueTlsServer(hosts, generateKey().publicKey, issuer, { now }, systemRandom);
    assert.equal(leaf.checkIP('127.7.0.1'), '127.7.0.1');
    assert.equal(leaf.checkIP('::1'), '::1');
    assert.equal(leaf.checkHost('hub.example'), 'hub.example');
    assert.equal(leaf.checkIP('127.7.0.2'), undefined);
    assert.match(leaf.subjectAltName ?? '', /DNS:999\.1\.1\.1/);
  });
});
