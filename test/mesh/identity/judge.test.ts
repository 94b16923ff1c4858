import assert from 'node:assert/strict';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import type { X509Certificate } from 'node:crypto';
import { judgePeer, spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { octets, sequence, tagged, type Der } from '@isthmus/mesh/pki/der.ts';
import { issueIntermediate, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority, tableOf } from '../../fakes/authority.ts';
import { fortyLeaves } from '../../fakes/forty-leaves.ts';
import { handMade, handMadeCertificate, uri, type HandMade } from '../../fakes/hand-made.ts';

const good = 'spiffe://cluster.local/ns/shop/sa/cart';
const now = Date.now();
const east = makeAuthority('cluster.local', 'east', now);
// The link's CA has a trust domain of its own; its table is the same kind of table.
const link = makeAuthority('link.hub-1', 'hub', now);
const table = tableOf(east, link);

type Outcome = string;

/** What a verifier says of a certificate: 'ACCEPTED', the reason, or 'UNREADABLE' where TLS itself would fail. */
function outcome(made: HandMade, issuer = east.intermediate, role: 'client' | 'server' = 'client'): Outcome {
  const leaf = handMade(issuer, made);
  if (!certificateOf(leaf)) return 'UNREADABLE';
  const judged = judgePeer(leaf, table, { now, role });
  return judged.ok ? 'ACCEPTED' : judged.error.reason;
}

const hour = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
const named = (...alternatives: Der[]): HandMade => ({ alternatives: [alternatives], ...hour });
const id = (text: string): HandMade => named(uri(text));
const inDomain = (path: string): HandMade => id(`spiffe://cluster.local${path}`);

/** Further names that no certificate has. */
const strange: readonly (readonly [string, HandMade])[] = [
  ['a space', inDomain('/ns/shop/sa/cart ')],
  ['a quoted name', id(`"${good}"`)],
  ['an empty URI', id('')],
];

describe('mesh/identity: forty certificates, of which three are someone’s', () => {
  for (const role of ['client', 'server'] as const) {
    const leaves = fortyLeaves(role, now);
    for (const { name, made, wanted } of leaves)
      it(`${wanted}: ${name}, of a ${role}`, () =>
        assert.equal(outcome(made, east.intermediate, role), wanted));

    it(`that is forty, and three, of a ${role}`, () => {
      assert.equal(leaves.length, 40);
      assert.equal(leaves.filter(({ wanted }) => wanted === 'ACCEPTED').length, 3);
    });
  }

  for (const [name, made] of strange) it(`BAD_SAN: ${name}`, () => assert.equal(outcome(made), 'BAD_SAN'));

  it('an agent is one at the link, and never by an intermediate of the mesh', () => {
    const agent = id('spiffe://link.hub-1/cluster/east');
    assert.equal(outcome(agent, link.intermediate), 'ACCEPTED');
    assert.equal(outcome(agent, east.intermediate), 'WRONG_TRUST_DOMAIN');
  });

  it('two alternative name extensions are not merged into one identity', () => {
    const made = { ...hour, alternatives: [[uri(good)], [uri('spiffe://cluster.local/ns/shop/sa/admin')]] };
    assert.notEqual(outcome(made), 'ACCEPTED');
  });

  it('an extension that is not DER gives no identity', () => {
    const leaf = handMadeCertificate(east.intermediate, {
      ...hour,
      alternatives: [[sequence(octets(Buffer.from('x')))]],
    });
    assert.equal(spiffeIdOf(leaf).ok, false);
    assert.equal(outcome(named(tagged(6, [sequence()]))), 'BAD_SAN');
  });
});

describe('mesh/identity judge', () => {
  const judge = (leaf: X509Certificate | undefined, given = table, at = now) => {
    const judged = judgePeer(leaf?.raw, given, { now: at, role: 'client' });
    return judged.ok ? judged.value : judged.error.reason;
  };
  const leafOf = (identity: string, by = east) =>
    issueLeaf(identity, generateKey().publicKey, by.intermediate, { now }, systemRandom);

  it('says who, from which cluster, by which issuer', () => {
    const leaf = leafOf(good);
    assert.deepEqual(judge(leaf), {
      spiffeId: good,
      identity: { trustDomain: defaultTrustDomain, namespace: 'shop', serviceAccount: 'cart' },
      trustDomain: defaultTrustDomain,
      cluster: 'east',
      issuerKeyId: east.keyId,
      notAfter: Date.parse(leaf.validTo),
    });
  });

  it('refuses a peer without a certificate, one of a foreign root, and one of a revoked issuer', () => {
    const revoked = tableOf(east);
    east.teach(revoked, true);
    assert.equal(judge(undefined), 'NO_CERTIFICATE');
    assert.equal(judge(leafOf(good, makeAuthority('cluster.local', 'east', now))), 'UNKNOWN_ISSUER');
    assert.equal(judge(leafOf(good), revoked), 'REVOKED_ISSUER');
  });

  it('refuses a leaf of td-b that td-a’s intermediate issued, though td-b’s root is trusted for its own', () => {
    const tdB = makeAuthority('td-b', 'north', now);
    const both = tableOf(east, tdB);
    const forged = leafOf('spiffe://td-b/ns/shop/sa/cart', east);
    assert.equal(judge(forged, both), 'WRONG_TRUST_DOMAIN');
    assert.notEqual(typeof judge(leafOf('spiffe://td-b/ns/shop/sa/cart', tdB), both), 'string');
  });

  it('knows a leaf’s time, a minute’s grace at its start and none at its end', () => {
    const leaf = leafOf(good);
    const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
    assert.equal(judge(leaf, table, from - 1), 'NOT_YET_VALID');
    assert.notEqual(typeof judge(leaf, table, from), 'string');
    assert.notEqual(typeof judge(leaf, table, to), 'string');
    assert.equal(judge(leaf, table, to + 1), 'EXPIRED');
    assert.ok(from <= now - 60_000);
  });

  it('refuses a leaf that outlives the intermediate that signed it, once that has expired', () => {
    const end = Date.parse(east.intermediate.certificate.validTo);
    const leaf = handMadeCertificate(east.intermediate, { ...id(good), notAfter: end + 86_400_000 });
    assert.notEqual(typeof judge(leaf, table, end), 'string');
    assert.equal(judge(leaf, table, end + 1000), 'EXPIRED');
  });

  it('a table refuses an intermediate that its own domain’s root did not issue', () => {
    const foreign = makeAuthority('td-b', 'north', now);
    const mixed = tableOf(east);
    // The foreign intermediate is offered as one of cluster.local.
    mixed.upsertIntermediate({
      keyId: foreign.keyId,
      trustDomain: east.trustDomain,
      cluster: 'east',
      revoked: false,
      certificate: foreign.intermediate.certificate,
    });
    assert.equal(judge(leafOf(good, foreign), mixed), 'UNKNOWN_ISSUER');
  });

  it('a table takes bundles and intermediates in any order, and forgets both', () => {
    const late = tableOf();
    late.upsertIntermediate({
      keyId: east.keyId,
      trustDomain: east.trustDomain,
      cluster: 'east',
      revoked: false,
      certificate: east.intermediate.certificate,
    });
    assert.equal(judge(leafOf(good), late), 'UNKNOWN_ISSUER');
    late.upsertBundle({ trustDomain: east.trustDomain, roots: [east.root], sequence: 1 });
    assert.notEqual(typeof judge(leafOf(good), late), 'string');
    assert.equal(late.isRevoked(east.keyId), false);
    late.removeBundle(east.trustDomain);
    assert.equal(judge(leafOf(good), late), 'UNKNOWN_ISSUER');
    assert.equal(late.isRevoked(east.keyId), true, 'what it let in ends too');
    late.upsertBundle({ trustDomain: east.trustDomain, roots: [east.root], sequence: 2 });
    late.removeIntermediate(east.keyId);
    assert.equal(judge(leafOf(good), late), 'UNKNOWN_ISSUER');
    assert.equal(late.isRevoked(east.keyId), true);
  });

  it('an intermediate replaced by a certificate of another root loses its standing', () => {
    const replaced = tableOf(east);
    const foreign = makeAuthority('cluster.local', 'east', now);
    replaced.upsertIntermediate({
      keyId: east.keyId,
      trustDomain: east.trustDomain,
      cluster: 'east',
      revoked: false,
      certificate: foreign.intermediate.certificate,
    });
    assert.equal(judge(leafOf(good, foreign), replaced), 'UNKNOWN_ISSUER');
  });

  it('an intermediate cannot make another one', () => {
    const key = generateKey();
    const certificate = issueIntermediate('below', key.publicKey, east.intermediate, { now }, systemRandom);
    const below = { certificate, privateKey: key.privateKey };
    const leaf = issueLeaf(good, generateKey().publicKey, below, { now }, systemRandom);
    assert.equal(judge(leaf), 'UNKNOWN_ISSUER');
  });
});
