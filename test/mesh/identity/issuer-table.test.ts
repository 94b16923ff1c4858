import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { authorityKeyId } from '@isthmus/mesh/pki/authority-key-id.ts';
import { issueIntermediate, issueLeaf, keyIdOf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../fakes/authority.ts';

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
