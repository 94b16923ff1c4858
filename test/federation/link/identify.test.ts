import assert from 'node:assert/strict';
import { issueRoot } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { encode, sequence } from '@isthmus/mesh/pki/der.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { identifyAgent, readAgentCertificate } from '../../../federation/link/identify.ts';
import { Federation } from '../../fakes/federation.ts';
import { dns, extension, handMade, uri, type HandMade } from '../../fakes/hand-made.ts';

const east = 'spiffe://link.test/cluster/east';

describe('federation/link: whose agent a certificate is of', () => {
  let federation: Federation;
  before(async () => (federation = await Federation.start('east', 'west')));
  after(() => federation.stop.abort());

  const key = generateKey();
  const ca = () => issueRoot('link test', key, { now: federation.clock.now() }, systemRandom);

  function leafOf(root: ReturnType<typeof ca>, over: Partial<HandMade>): Buffer {
    const now = federation.clock.now();
    const made: HandMade = {
      alternatives: [[uri(east)]],
      commonName: 'm-east',
      notBefore: now - 60_000,
      notAfter: now + 3_600_000,
      ...over,
    };
    return handMade({ certificate: root, privateKey: key.privateKey }, made);
  }

  /** The cluster, or why not. */
  function outcome(over: Partial<HandMade>): string {
    const root = ca();
    const certificate = readAgentCertificate(leafOf(root, over), root);
    if (!certificate.ok) return certificate.error.message;
    const judged = identifyAgent(certificate.value, federation.now, federation.clock.now());
    return judged.ok ? judged.value.cluster : judged.error.message;
  }

  it('is read again only where a connection shows other bytes than before', () => {
    const root = ca();
    const raw = leafOf(root, {});
    const first = readAgentCertificate(raw, root);
    assert.ok(first.ok);
    const again = readAgentCertificate(Buffer.from(raw), root, first.value);
    assert.ok(again.ok);
    assert.equal(again.value, first.value);
    // A port of a peer that is gone may be that of another one.
    const other = readAgentCertificate(leafOf(root, { commonName: 'm-west' }), root, first.value);
    assert.ok(other.ok);
    assert.equal(other.value.membership, 'm-west');
    const unfit = readAgentCertificate(leafOf(root, { ca: true }), root, first.value);
    assert.equal(unfit.ok, false);
  });

  for (const [left, cluster] of [
    [1000, 'east'],
    [0, 'east'],
    [-1000, 'the link certificate has expired: join again'],
  ] as const)
    it(`is ${left < 0 ? 'refused' : 'taken'} when the certificate ends ${left} ms from now`, () =>
      assert.equal(outcome({ notAfter: federation.clock.now() + left }), cluster));

  it('is known by its name and its membership', () => {
    assert.equal(outcome({}), 'east');
    assert.match(outcome({ commonName: 'm-west' }), /earlier membership of 'east'/);
    assert.match(
      outcome({ alternatives: [[uri('spiffe://link.other/cluster/east')]] }),
      /names no agent of this hub/,
    );
  });

  const unfit: readonly (readonly [string, Partial<HandMade>, RegExp])[] = [
    ['a CA without keyCertSign', { ca: true }, /is a CA/],
    ['a certificate without digitalSignature', { keyUsage: 0x20 }, /without digitalSignature/],
    [
      'a certificate with an unknown critical extension',
      { more: [extension('1.3.6.1.4.1.99999.1', true, encode(sequence()))] },
      /critical extension 1\.3\.6\.1\.4\.1\.99999\.1/,
    ],
    [
      'two URI names',
      { alternatives: [[uri(east), uri('spiffe://link.test/cluster/west')]] },
      /names no agent of this hub/,
    ],
    ['a URI inside a DNS name', { alternatives: [[dns(`a, URI:${east}`)]] }, /names no agent of this hub/],
    ['a workload', { alternatives: [[uri('spiffe://link.test/ns/a/sa/b')]] }, /names no agent of this hub/],
    [
      'a cluster with an escape',
      { alternatives: [[uri('spiffe://link.test/cluster/%65ast')]] },
      /names no agent of this hub/,
    ],
  ];
  for (const [name, over, why] of unfit) it(`is refused: ${name}`, () => assert.match(outcome(over), why));
});
