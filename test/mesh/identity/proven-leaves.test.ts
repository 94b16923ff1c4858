import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { judgePeer } from '@isthmus/mesh/identity/judge.ts';
import { ProvenLeaves } from '@isthmus/mesh/identity/proven-leaves.ts';
import { issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority, tableOf } from '../../fakes/authority.ts';

const now = Date.now();
const east = makeAuthority('cluster.local', 'east', now);
const west = makeAuthority('cluster.local', 'west', now);
const { publicKey } = generateKey();
const leafOf = (name = 'cart'): X509Certificate =>
  issueLeaf(`spiffe://cluster.local/ns/shop/sa/${name}`, publicKey, east.intermediate, { now }, systemRandom);
const again = ({ raw }: X509Certificate) => new X509Certificate(raw);

/** How often the extended key usage of a certificate is asked for meanwhile: Node reads it each time. */
function usagesRead(run: () => void): number {
  const { prototype } = X509Certificate;
  const getter = Object.getOwnPropertyDescriptor(prototype, 'keyUsage');
  assert.ok(getter);
  let count = 0;
  Object.defineProperty(prototype, 'keyUsage', {
    ...getter,
    get(this: X509Certificate): unknown {
      count++;
      return getter.get?.call(this);
    },
  });
  try {
    run();
  } finally {
    Object.defineProperty(prototype, 'keyUsage', getter);
  }
  return count;
}

/** How often signatures were verified from here on. */
function verified(leaf: X509Certificate): () => number {
  let count = 0;
  const verify = leaf.verify.bind(leaf);
  leaf.verify = (key) => {
    count++;
    return verify(key);
  };
  return () => count;
}

describe('mesh/identity proven leaves', () => {
  it('verifies the signature on a leaf once, and gives the same object for the same bytes', () => {
    const proven = new ProvenLeaves();
    const leaf = leafOf();
    const issuer = east.intermediate.certificate;
    assert.equal(proven.isSigned(leaf, issuer), true);
    const shown = again(leaf);
    const count = verified(shown);
    assert.equal(proven.isSigned(shown, issuer), true);
    assert.equal(count(), 0);
    assert.equal(proven.read(shown.raw), leaf);
    const other = leafOf('other');
    assert.deepEqual(proven.read(other.raw)?.raw, other.raw);
  });

  it('are read once, however often their bearers shake hands', () => {
    const table = tableOf(east);
    const leaves = [leafOf(), leafOf()];
    const count = usagesRead(() => {
      for (const { raw } of [...leaves, ...leaves, ...leaves])
        assert.ok(judgePeer(raw, table, { now, role: 'client' }).ok);
    });
    assert.equal(count, 2);
  });

  it('keeps no leaf that its issuer has not signed', () => {
    const proven = new ProvenLeaves();
    assert.equal(proven.isSigned(leafOf(), west.intermediate.certificate), false);
    assert.equal(proven.size, 0);
  });

  it('verifies a leaf again for another certificate of its issuer, and refuses one that did not sign it', () => {
    const proven = new ProvenLeaves();
    const leaf = leafOf();
    assert.equal(proven.isSigned(leaf, east.intermediate.certificate), true);
    const count = verified(leaf);
    assert.equal(proven.isSigned(leaf, again(east.intermediate.certificate)), true);
    assert.equal(count(), 1);
    assert.equal(proven.isSigned(leaf, west.intermediate.certificate), false);
  });

  for (const [leaves, kept] of [
    [2, 2],
    [3, 3],
    [4, 3],
  ] as const)
    it(`keeps ${kept} of ${leaves} leaves where 3 is the most`, () => {
      const proven = new ProvenLeaves(3);
      const all = Array.from({ length: leaves }, (_, index) => leafOf(`sa-${index}`));
      for (const leaf of all) proven.isSigned(leaf, east.intermediate.certificate);
      assert.equal(proven.size, kept);
      const isKept = all.map((leaf) => proven.read(leaf.raw) === leaf);
      assert.deepEqual(isKept.slice(-kept), Array(kept).fill(true));
    });

  it('a leaf that was proven is refused when its issuer is revoked, or its time is over', () => {
    const table = tableOf(east);
    const leaf = leafOf();
    const judge = (at = now) => judgePeer(leaf.raw, table, { now: at, role: 'client' });
    assert.equal(judge().ok, true);
    const late = judge(now + 25 * 3_600_000);
    assert.equal(late.ok ? '' : late.error.reason, 'EXPIRED');
    const [intermediate] = table.intermediates();
    assert.ok(intermediate);
    table.upsertIntermediate({ ...intermediate, revoked: true });
    const revoked = judge();
    assert.equal(revoked.ok ? '' : revoked.error.reason, 'REVOKED_ISSUER');
    table.removeIntermediate(intermediate.keyId);
    const forgotten = judge();
    assert.equal(forgotten.ok ? '' : forgotten.error.reason, 'UNKNOWN_ISSUER');
  });
});
