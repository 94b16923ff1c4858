import assert from 'node:assert/strict';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../fakes/authority.ts';

const now = Date.now();
const { intermediate } = makeAuthority('cluster.local', 'east', now);
const leafOf = (account: string) =>
  issueLeaf(
    `spiffe://cluster.local/ns/shop/sa/${account}`,
    generateKey().publicKey,
    intermediate,
    { now },
    systemRandom,
  );

describe('mesh/pki certificate', () => {
  const leaf = leafOf('cart');

  it('is read of its DER', () => {
    assert.deepEqual(certificateOf(leaf.raw)?.raw, leaf.raw);
  });

  it('is not that of which the bytes hold the PEM text', () => {
    const other = Buffer.from(`\n${certificatePem(leafOf('admin'))}`);
    assert.equal(certificateOf(other), undefined);
    assert.equal(certificateOf(Buffer.concat([leaf.raw, other])), undefined);
  });

  for (const [what, bytes] of [
    ['no bytes', Buffer.alloc(0)],
    ['bytes that are cut', leaf.raw.subarray(0, -1)],
    ['bytes and more', Buffer.concat([leaf.raw, Buffer.of(0)])],
  ] as const)
    it(`is none in ${what}`, () => assert.equal(certificateOf(bytes), undefined));
});
