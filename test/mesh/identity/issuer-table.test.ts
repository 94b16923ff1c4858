import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Intermediate } from '@isthmus/mesh/identity/issuers.ts';
import { authorityKeyId } from '@isthmus/mesh/pki/authority-key-id.ts';
import { issueIntermediate, issueLeaf, keyIdOf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority, type Authority } from '../../fakes/authority.ts';

const id = 'spiffe://cluster.local/ns/shop/sa/cart';

describe('mesh/identity table of issuers', () => {
  const now = Date.now();
  const east = makeAuthority('cluster.local', 'east', now);
  const leafBy = (issuer = east.intermediate): X509Certificate =>
    issueLeaf(id, generateKey().publicKey, issuer, { now }, systemRandom);

  it('reads which key issued a certificate', () => {
    assert.equal(authorityKeyId(leafBy()), east.keyId);
    assert.equal(authorityKeyId(east.root), keyIdOf(east.root.publicKey).toString('hex'));
  });

  it('compares a leaf with one issuer, whether there are 20 or 2,000', () => {
    const table = new IssuerTable();
    const others = makeAuthority('cluster.local', 'other', now);
    others.teach(table);
    const add = () => {
      const key = generateKey();
      const keyId = keyIdOf(key.publicKey).toString('hex');
      const certificate = issueIntermediate(keyId, key.publicKey, others.rootIssuer, { now }, systemRandom);
      table.upsertIntermediate({
        keyId,
        trustDomain: others.trustDomain,
        cluster: keyId,
        certificate,
        revoked: false,
      });
      return { certificate, privateKey: key.privateKey };
    };
    /** How many issuers a leaf is compared with. */
    const compared = (leaf: X509Certificate): number => {
      let count = 0;
      const check = leaf.checkIssued.bind(leaf);
      leaf.checkIssued = (issuer) => {
        count++;
        return check(issuer);
      };
      table.match(leaf);
      return count;
    };
    let last = add();
    for (const size of [20, 2000]) {
      while (table.intermediates().length < size) last = add();
      assert.equal(table.match(leafBy(last)).ok, true);
      assert.equal(compared(leafBy(last)), 1);
      assert.equal(compared(leafBy(east.intermediate)), 0, 'an unknown issuer costs nothing');
    }
  });

  describe('verifies signatures of intermediates', () => {
    /** A table with intermediates of two domains, which counts the signatures that it verifies. */
    const counting = (size: number) => {
      let signatures = 0;
      const table = new IssuerTable();
      const domains = ['cluster.local', 'other.local'].map((domain) => makeAuthority(domain, 'east', now));
      const [own] = domains as [Authority];
      const held: Intermediate[] = [];
      for (const { trustDomain, rootIssuer } of domains)
        for (let i = 0; i < size; i++) {
          const key = generateKey();
          const keyId = keyIdOf(key.publicKey).toString('hex');
          const certificate = issueIntermediate(keyId, key.publicKey, rootIssuer, { now }, systemRandom);
          const verify = certificate.verify.bind(certificate);
          certificate.verify = (by) => ++signatures > 0 && verify(by);
          held.push({ keyId, trustDomain, cluster: keyId, certificate, revoked: false });
        }
      for (const one of held) table.upsertIntermediate(one);
      const during = (run: () => void): number => {
        signatures = 0;
        run();
        return signatures;
      };
      let sequence = 1;
      const bundle = (...roots: readonly X509Certificate[]) =>
        during(() => table.upsertBundle({ trustDomain: own.trustDomain, roots, sequence: sequence++ }));
      const known = () => held.filter(({ keyId }) => table.get(keyId)).length;
      return { table, held, own, bundle, during, known };
    };

    for (const size of [4, 8])
      it(`once each when the bundle of their domain comes, of ${size}, and none for a root that is added`, () => {
        const { own, bundle, known } = counting(size);
        assert.deepEqual([bundle(own.root), known()], [size, size]);
        const again = new X509Certificate(own.root.raw);
        assert.deepEqual([bundle(makeAuthority().root, again), known()], [0, size]);
        assert.deepEqual([bundle(own.root), known()], [0, size]);
        assert.deepEqual([bundle(makeAuthority().root), known()], [0, 0], 'of another key');
        assert.deepEqual([bundle(own.root), known()], [size, size]);
      });

    it('none when one is revoked or may host other namespaces, one when its certificate is another', () => {
      const { own, table, held, bundle, during } = counting(2);
      bundle(own.root);
      const [one, other] = held as [Intermediate, Intermediate];
      assert.equal(
        during(() => table.upsertIntermediate({ ...one, revoked: true })),
        0,
      );
      assert.deepEqual([table.get(one.keyId)?.revoked, table.isRevoked(one.keyId)], [true, true]);
      table.upsertIntermediate({ ...one, certificate: other.certificate });
      assert.equal(table.get(one.keyId), undefined, 'the key is not the one that its id names');
      assert.equal(
        during(() => table.upsertIntermediate(one)),
        1,
      );
      assert.ok(table.get(one.keyId));
    });

    it('of its new domain when it moves there, and forgets it with its domain’s bundle', () => {
      const { own, table, held, bundle } = counting(1);
      bundle(own.root);
      const [one, elsewhere] = held as [Intermediate, Intermediate];
      table.upsertIntermediate({ ...one, trustDomain: elsewhere.trustDomain });
      assert.equal(table.get(one.keyId), undefined);
      table.upsertIntermediate(one);
      assert.ok(table.get(one.keyId));
      table.removeBundle(own.trustDomain);
      assert.equal(table.get(one.keyId), undefined);
    });
  });

  it('takes a bundle of the same and of a higher sequence, and never a lower one, also after it was removed', () => {
    const table = new IssuerTable();
    const later = makeAuthority('cluster.local', 'east', now);
    const bundle = (sequence: number, { root } = east) => ({
      trustDomain: east.trustDomain,
      roots: [root],
      sequence,
    });
    const held = () => table.bundles()[0]?.sequence;
    assert.ok(table.upsertBundle(bundle(4)).ok);
    assert.ok(table.upsertBundle(bundle(5, later)).ok);
    const older = table.upsertBundle(bundle(4));
    assert.ok(!older.ok);
    assert.match(older.error, /cluster\.local has sequence 4, and 5 is held/);
    assert.equal(held(), 5);
    assert.ok(table.upsertBundle(bundle(5, later)).ok);
    table.removeBundle(east.trustDomain);
    assert.equal(table.upsertBundle(bundle(4)).ok, false);
    assert.equal(held(), undefined);
    assert.ok(table.upsertBundle(bundle(6)).ok);
  });

  it('finds no issuer under a key id that is not its own', () => {
    const table = new IssuerTable();
    const west = makeAuthority('cluster.local', 'west', now);
    table.upsertBundle({ trustDomain: east.trustDomain, roots: [east.root], sequence: 1 });
    table.upsertIntermediate({
      keyId: west.keyId,
      trustDomain: east.trustDomain,
      cluster: 'west',
      certificate: east.intermediate.certificate,
      revoked: false,
    });
    assert.equal(table.match(leafBy()).ok, false);
    assert.equal(table.isRevoked(west.keyId), true);
  });
});
