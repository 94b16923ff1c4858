import { sign, X509Certificate, type KeyObject } from 'node:crypto';
import {
  bits,
  boolean,
  encode,
  integer,
  octets,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8,
  decode,
  type Der,
} from '@isthmus/mesh/pki/der.ts';
import { generateKey, publicKeyDer } from '@isthmus/mesh/pki/key.ts';
import { names } from '@isthmus/mesh/pki/names.ts';
import type { Issuer } from '@isthmus/mesh/pki/issue.ts';

/** A certificate that no issuer of ours would make: every part of it is said by the test. */
export interface HandMade {
  /** One alternative names extension each; a name is a GeneralName node. */
  readonly alternatives: readonly (readonly Der[])[];
  readonly commonName?: string;
  readonly ca?: boolean;
  /** The first byte of a key usage; undefined leaves the extension out. digitalSignature unless given. */
  readonly keyUsage?: number | undefined;
  /** Replaces the content of basicConstraints. */
  readonly constraints?: Der | undefined;
  /** Extensions beside the usual ones. */
  readonly more?: readonly Der[];
  /** Extended key usages; undefined leaves the extension out. */
  readonly usages?: readonly string[] | undefined;
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export const uri = (text: string): Der => tagged(6, Buffer.from(text, 'latin1'));
export const dns = (text: string): Der => tagged(2, Buffer.from(text, 'latin1'));
export const bothUsages: readonly string[] = [names.serverAuth, names.clientAuth];

export const extension = (id: string, critical: boolean, value: Buffer): Der =>
  critical ? sequence(oid(id), boolean(true), octets(value)) : sequence(oid(id), octets(value));

function extensionsOf({ alternatives, ca = false, constraints, more = [], ...rest }: HandMade): Der[] {
  const usages = 'usages' in rest ? rest.usages : bothUsages;
  const keyUsage = 'keyUsage' in rest ? rest.keyUsage : 0x80;
  const basic = constraints ?? (ca ? sequence(boolean(true)) : sequence());
  return [
    extension(names.basicConstraints, true, encode(basic)),
    ...(keyUsage === undefined ? [] : [extension(names.keyUsage, true, encode(bits(Buffer.of(keyUsage))))]),
    ...alternatives.map((group) => extension(names.subjectAltName, true, encode(sequence(...group)))),
    ...(usages ? [extension(names.extendedKeyUsage, false, encode(sequence(...usages.map(oid))))] : []),
    ...more,
  ];
}

/** DER of the certificate, really signed by the issuer. */
export function handMade(
  { certificate, privateKey }: Issuer,
  made: HandMade,
  publicKey = generateKey().publicKey,
): Buffer {
  const { commonName = '', notBefore, notAfter } = made;
  const spki = decode(publicKeyDer(publicKey));
  const issuer = decode(certificate.raw);
  if (!spki.ok || !issuer.ok) throw new Error('not DER');
  const subject = ((issuer.value.value as Der[])[0]!.value as Der[])[5]!;
  const algorithm = sequence(oid(names.ecdsaWithSha256));
  const tbs = sequence(
    tagged(0, [integer(Buffer.of(2))]),
    integer(Buffer.of(7)),
    algorithm,
    subject,
    sequence(time(notBefore), time(notAfter)),
    commonName === '' ? sequence() : sequence(set(sequence(oid(names.commonName), utf8(commonName)))),
    spki.value,
    tagged(3, [sequence(...extensionsOf(made))]),
  );
  const signature = sign('sha256', encode(tbs), privateKey);
  return encode(sequence(tbs, algorithm, bits(signature)));
}

export const handMadeCertificate = (issuer: Issuer, made: HandMade, publicKey?: KeyObject): X509Certificate =>
  new X509Certificate(handMade(issuer, made, publicKey));
