import { X509Certificate } from 'node:crypto';
import type { IntermediateRecord, TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueIntermediate, issueRoot, keyIdOf } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem, readPrivateKey } from '@isthmus/mesh/pki/key.ts';
import { seal, unseal, type KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

export interface TrustTools {
  readonly provider: KeyProvider;
  readonly random: Random;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** A trust domain with a root of its own, whose key is sealed before it is stored. */
export function mintTrustDomain(name: TrustDomain, { provider, random, now }: TrustTools): TrustDomainRecord {
  const key = generateKey();
  const root = issueRoot(`${name} root`, key, { now }, random);
  const sealedRootKey = seal(privateKeyPem(key.privateKey), `root key of ${name}`, provider, random);
  return { kind: 'trustDomain', name, rootCertificatePem: certificatePem(root), sealedRootKey, sequence: 1 };
}

/** Signs a cluster's intermediate for the key that a request proves. It may not sign leaves before it is activated. */
export function signIntermediate(
  domain: TrustDomainRecord,
  cluster: string,
  csr: string,
  { provider, random, now }: TrustTools,
): Result<IntermediateRecord, string> {
  const request = readCsr(csr);
  if (!request.ok) return err(request.error);
  const { publicKey } = request.value;
  const privateKey = readPrivateKey(unseal(domain.sealedRootKey, `root key of ${domain.name}`, provider));
  const issuer = { certificate: new X509Certificate(domain.rootCertificatePem), privateKey };
  const keyId = keyIdOf(publicKey).toString('hex');
  // The subject is unique, so that an issuer is never mistaken for another one by its name.
  const certificate = issueIntermediate(
    `${cluster} ${domain.name} ${keyId.slice(0, 12)}`,
    publicKey,
    issuer,
    { now },
    random,
  );
  return ok({
    kind: 'intermediate',
    keyId,
    trustDomain: domain.name,
    cluster,
    certificatePem: certificatePem(certificate),
    notAfter: Date.parse(certificate.validTo),
    revoked: false,
    activated: false,
  });
}
