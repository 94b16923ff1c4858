import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A fresh P-256 key: what Istio's workloads and our CAs use. */
export const generateKey = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

/** PKCS#8 PEM, for a TLS context or for sealing. Never logged. */
export const privateKeyPem = (key: KeyObject): string =>
  key.export({ format: 'pem', type: 'pkcs8' }).toString();

export const readPrivateKey = (pem: string): KeyObject => createPrivateKey(pem);

/** SubjectPublicKeyInfo. */
export const publicKeyDer = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });
