import type { X509Certificate } from 'node:crypto';
import {
  certificatePem,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  type Issuer,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

/** A root and an intermediate that no member trusts, made on the spot. */
export interface Forger {
  readonly root: X509Certificate;
  readonly intermediate: Issuer;
}

export function forger(name: string, now: number): Forger {
  const rootKey = generateKey();
  const root = issueRoot(`${name} root`, rootKey, { now }, systemRandom);
  const key = generateKey();
  const issuer = { certificate: root, privateKey: rootKey.privateKey };
  const certificate = issueIntermediate(name, key.publicKey, issuer, { now }, systemRandom);
  return { root, intermediate: { certificate, privateKey: key.privateKey } };
}

/** A leaf that has any name, with any certificates sent behind it. */
export function forge(
  identity: string,
  issuer: Issuer,
  behind: readonly X509Certificate[],
  now: number,
): Credentials {
  const key = generateKey();
  const leaf = issueLeaf(identity, key.publicKey, issuer, { now }, systemRandom);
  return {
    identity,
    key: privateKeyPem(key.privateKey),
    chain: [leaf, ...behind].map(certificatePem).join(''),
  };
}
