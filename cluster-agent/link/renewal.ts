import { X509Certificate } from 'node:crypto';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { renewAt } from '@isthmus/mesh/pki/rotation.ts';
import type { HubLinks } from './hub-links.ts';
import type { LinkIdentity } from './identity.ts';

/** Half of the certificate's life, from which on it is to be renewed: epoch milliseconds. */
export function linkIsDueAt({ chain }: LinkIdentity): number {
  const leaf = new X509Certificate(chain);
  return renewAt(Date.parse(leaf.validFrom), Date.parse(leaf.validTo), 0);
}

/** Renews the agent's certificate over the link that it opens, with a new key. */
export async function renewLink(
  link: Pick<HubLinks, 'renew'>,
): Promise<Pick<LinkIdentity, 'key' | 'chain' | 'ca'>> {
  const pair = generateKey();
  const key = privateKeyPem(pair.privateKey);
  return { key, ...(await link.renew(key, createCsr(pair))) };
}
