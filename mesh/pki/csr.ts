import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../result.ts';
import {
  bits,
  boolean,
  children,
  content,
  decode,
  encode,
  integer,
  isOid,
  octets,
  oid,
  sequence,
  set,
  tagged,
  type Der,
} from './der.ts';
import { publicKeyDer, type KeyPair } from './key.ts';
import { names } from './names.ts';
import { fromPem, toPem } from './pem.ts';

/** Largest request that is read; a P-256 one has about 400 bytes. */
const maxBytes = 16 * 1024;

/**
 * A PKCS#10 request (RFC 2986) in PEM. With a SPIFFE ID it carries it as one critical URI name under an empty
 * subject, as Istio's agents ask; issuers decide the name by themselves.
 */
export function createCsr(key: KeyPair, spiffeId?: string, hash: Scheme['hash'] = 'sha256'): string {
  const scheme = schemes.find((one) => one.key === key.privateKey.asymmetricKeyType && one.hash === hash);
  if (!scheme) throw new Error(`no request is made for a key of type ${key.privateKey.asymmetricKeyType}`);
  const attributes = spiffeId === undefined ? [] : [extensionRequest(spiffeId)];
  const spki = decode(publicKeyDer(key.publicKey));
  if (!spki.ok) throw new Error(spki.error);
  const info = sequence(integer(Buffer.of(0)), sequence(), spki.value, tagged(0, attributes));
  const signature = sign(hash, encode(info), key.privateKey);
  return toPem('CERTIFICATE REQUEST', encode(sequence(info, sequence(oid(scheme.id)), bits(signature))));
}

function extensionRequest(spiffeId: string): Der {
  const value = encode(sequence(tagged(6, Buffer.from(spiffeId, 'latin1'))));
  const extension = sequence(oid(names.subjectAltName), boolean(true), octets(value));
  return sequence(oid(names.extensionRequest), set(sequence(extension)));
}

/**
 * The public key that a request proves to hold: the only part of it that is ever used. Refuses what is too large, is
 * not a request, has a wrong signature, or a key other than P-256, P-384 or RSA of 2,048 to 4,096 bits. The
 * signature is ECDSA or RSA PKCS#1 with SHA-256, SHA-384 or SHA-512, as its algorithm says.
 */
export function readCsr(pem: string): Result<{ publicKey: KeyObject }, string> {
  if (pem.length > maxBytes) return err(`the request has ${pem.length} bytes, more than ${maxBytes}`);
  const bytes = fromPem('CERTIFICATE REQUEST', pem)[0];
  if (!bytes) return err('no CERTIFICATE REQUEST in PEM form');
  const request = decode(bytes);
  if (!request.ok) return err(`the request is not DER: ${request.error}`);
  const [info, algorithm, signature] = children(request.value);
  const spki = children(info)[2];
  if (!info || !algorithm || !spki || !signature) return err('the request is not a PKCS#10 structure');
  const scheme = schemes.find(({ id }) => isOid(children(algorithm)[0], id));
  if (!scheme)
    return err('the request must be signed with ECDSA or RSA, and SHA-256, SHA-384 or SHA-512: make it so');
  return proven(encode(info), scheme, encode(spki), content(signature).subarray(1));
}

interface Scheme {
  readonly id: string;
  readonly key: 'ec' | 'rsa';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
}

/** Signature algorithms by their identifiers (RFC 5758 3.2, RFC 4055 5). Nothing weaker is listed. */
const schemes: readonly Scheme[] = [
  { id: names.ecdsaWithSha256, key: 'ec', hash: 'sha256' },
  { id: names.ecdsaWithSha384, key: 'ec', hash: 'sha384' },
  { id: names.ecdsaWithSha512, key: 'ec', hash: 'sha512' },
  { id: names.rsaWithSha256, key: 'rsa', hash: 'sha256' },
  { id: names.rsaWithSha384, key: 'rsa', hash: 'sha384' },
  { id: names.rsaWithSha512, key: 'rsa', hash: 'sha512' },
];

function proven(
  info: Buffer,
  { key, hash }: Scheme,
  spki: Buffer,
  signature: Buffer,
): Result<{ publicKey: KeyObject }, string> {
  try {
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const weak = unacceptable(publicKey);
    if (weak !== undefined) return err(weak);
    return publicKey.asymmetricKeyType === key && verify(hash, info, publicKey, signature)
      ? ok({ publicKey })
      : err(`the request is not signed by the key in it with ${hash.replace('sha', 'SHA-')}`);
  } catch {
    return err('the key in the request cannot be read');
  }
}

function unacceptable(key: KeyObject): string | undefined {
  const details = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec')
    return ['prime256v1', 'secp384r1'].includes(details.namedCurve ?? '')
      ? undefined
      : 'the curve must be P-256 or P-384';
  const length = details.modulusLength ?? 0;
  return key.asymmetricKeyType === 'rsa' && length >= 2048 && length <= 4096
    ? undefined
    : 'the key must be ECDSA P-256 or P-384, or RSA of 2,048 to 4,096 bits';
}
