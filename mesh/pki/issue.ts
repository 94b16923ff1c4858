import { createHash, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { MeshError } from '../process/mesh-error.ts';
import type { Random } from '../process/random.ts';
import {
  bits,
  boolean,
  decode,
  encode,
  integer,
  octets,
  oid,
  sequence,
  set,
  tagged,
  time,
  utf8,
  type Der,
} from './der.ts';
import { publicKeyDer } from './key.ts';
import { names } from './names.ts';
import { toPem } from './pem.ts';

export const hour = 3_600_000;
export const day = 24 * hour;

/** Certificates begin a minute early, for verifiers whose clocks are behind. */
const backdate = 60_000;

/** Who signs: a certificate and its key. Absent for a root, which signs itself. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

/** What a certificate shall say. */
interface Template {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Der[];
}

export interface Validity {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly lifetime: number;
}

/** A self-signed root of a trust domain, or of the link: 10 years unless said otherwise. */
export function issueRoot(
  subject: string,
  key: { privateKey: KeyObject; publicKey: KeyObject },
  { now, lifetime = 3650 * day }: { now: number; lifetime?: number },
  random: Random,
): X509Certificate {
  const template = {
    ...frame(subject, key.publicKey, now, now + lifetime),
    extensions: caExtensions(undefined),
  };
  return issue(
    template,
    { subject: nameOf(subject), privateKey: key.privateKey, publicKey: key.publicKey },
    random,
  );
}

/** An intermediate that signs leaves only, with a subject of its own: 30 days, never outliving its root. */
export function issueIntermediate(
  subject: string,
  publicKey: KeyObject,
  issuer: Issuer,
  { now, lifetime = 30 * day }: { now: number; lifetime?: number },
  random: Random,
): X509Certificate {
  const template = {
    ...frame(subject, publicKey, now, within(issuer, now + lifetime)),
    extensions: caExtensions(0),
  };
  return issue(template, signerOf(issuer), random);
}

/**
 * A leaf for one SPIFFE ID, client and server: 24 h unless said otherwise, never outliving its issuer. Its subject is
 * empty unless a common name is given.
 */
export function issueLeaf(
  spiffeId: string,
  publicKey: KeyObject,
  issuer: Issuer,
  { now, lifetime = day, subject = '' }: { now: number; lifetime?: number; subject?: string },
  random: Random,
): X509Certificate {
  const uri = tagged(6, Buffer.from(spiffeId, 'latin1'));
  const extensions = leafExtensions([names.serverAuth, names.clientAuth], [uri], true);
  return issue(
    { ...frame(subject, publicKey, now, within(issuer, now + lifetime)), extensions },
    signerOf(issuer),
    random,
  );
}

/** A TLS server certificate for DNS names and IP addresses: the hub's listeners and the agent's xDS. */
export function issueTlsServer(
  hosts: readonly string[],
  publicKey: KeyObject,
  issuer: Issuer,
  { now, lifetime = 30 * day }: { now: number; lifetime?: number },
  random: Random,
): X509Certificate {
  const alternatives = hosts.map((host) =>
    isIP(host) !== 0
      ? tagged(7, Buffer.from(ipaddr.parse(host).toByteArray()))
      : tagged(2, Buffer.from(host)),
  );
  const extensions = leafExtensions([names.serverAuth], alternatives, false);
  const subject = hosts[0] ?? 'isthmus';
  return issue(
    { ...frame(subject, publicKey, now, within(issuer, now + lifetime)), extensions },
    signerOf(issuer),
    random,
  );
}

/** The subject key id: SHA-1 of the whole SubjectPublicKeyInfo, 20 bytes; an identifier, not a proof. */
export const keyIdOf = (publicKey: KeyObject): Buffer =>
  createHash('sha1').update(publicKeyDer(publicKey)).digest();

/** PEM of a certificate. */
export const certificatePem = (certificate: X509Certificate): string => toPem('CERTIFICATE', certificate.raw);

const frame = (subject: string, publicKey: KeyObject, now: number, notAfter: number) => ({
  subject,
  publicKey,
  notBefore: now - backdate,
  notAfter,
});

const within = (issuer: Issuer, notAfter: number) =>
  Math.min(notAfter, Date.parse(issuer.certificate.validTo));

interface Signer {
  readonly subject: Der;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The issuer's name is copied byte for byte out of its certificate: field 5 of the TBS, after version and serial. */
function signerOf({ certificate, privateKey }: Issuer): Signer {
  const parsed = decode(certificate.raw);
  const tbs = parsed.ok ? (parsed.value.value as Der[])[0] : undefined;
  const subject = (tbs?.value as Der[] | undefined)?.[5];
  if (!subject) throw new Error('the issuer is not an X.509 version 3 certificate');
  return { subject, privateKey, publicKey: certificate.publicKey };
}

/** Throws ISSUER_EXPIRED when nothing is left of the issuer's life, ISSUER_KEY when its key is not its certificate's. */
function issue(template: Template, signer: Signer, random: Random): X509Certificate {
  if (!(template.notAfter > template.notBefore + backdate))
    throw new MeshError('ISSUER_EXPIRED', 'the issuing certificate has expired: renew it, then ask again');
  const spki = decode(publicKeyDer(template.publicKey));
  if (!spki.ok) throw new Error(spki.error);
  const algorithm = sequence(oid(names.ecdsaWithSha256));
  const keyIds = [
    extension(names.subjectKeyId, false, octets(keyIdOf(template.publicKey))),
    extension(names.authorityKeyId, false, sequence(tagged(0, keyIdOf(signer.publicKey)))),
  ];
  const tbs = sequence(
    tagged(0, [integer(Buffer.of(2))]),
    integer(serial(random)),
    algorithm,
    signer.subject,
    sequence(time(template.notBefore), time(template.notAfter)),
    nameOf(template.subject),
    spki.value,
    tagged(3, [sequence(...template.extensions, ...keyIds)]),
  );
  const signature = sign('sha256', encode(tbs), signer.privateKey);
  return checked(encode(sequence(tbs, algorithm, bits(signature))), signer);
}

/** What we hand out is read back and verified by the library that will judge it. */
function checked(der: Buffer, { publicKey }: Signer): X509Certificate {
  const certificate = new X509Certificate(der);
  if (certificate.verify(publicKey)) return certificate;
  throw new MeshError(
    'ISSUER_KEY',
    'the issuing key is not the one of the issuing certificate: were files mixed up?',
  );
}

/** Positive, 16 bytes of randomness. */
function serial(random: Random): Buffer {
  const bytes = random.bytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const nameOf = (commonName: string): Der =>
  commonName === ''
    ? sequence()
    : sequence(
        set(sequence(oid(names.organization), utf8('Isthmus'))),
        set(sequence(oid(names.commonName), utf8(commonName))),
      );

const extension = (id: string, critical: boolean, value: Der): Der =>
  critical
    ? sequence(oid(id), boolean(true), octets(encode(value)))
    : sequence(oid(id), octets(encode(value)));

/** keyCertSign and cRLSign; `pathLength` 0 for an issuer of leaves only. */
const caExtensions = (pathLength: number | undefined): Der[] => [
  extension(
    names.basicConstraints,
    true,
    pathLength === undefined
      ? sequence(boolean(true))
      : sequence(boolean(true), integer(Buffer.of(pathLength))),
  ),
  extension(names.keyUsage, true, bits(Buffer.of(0x06), 1)),
];

/** digitalSignature; the names are critical where the subject is empty (RFC 5280 4.2.1.6). */
const leafExtensions = (usages: readonly string[], alternatives: Der[], critical: boolean): Der[] => [
  extension(names.basicConstraints, true, sequence()),
  extension(names.keyUsage, true, bits(Buffer.of(0x80), 7)),
  extension(names.extendedKeyUsage, false, sequence(...usages.map(oid))),
  extension(names.subjectAltName, critical, sequence(...alternatives)),
];
