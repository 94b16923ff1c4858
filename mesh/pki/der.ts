import type { asn1 as Forge } from 'node-forge';
// The ASN.1 codec alone: the whole of node-forge costs every proxy start-up time that it does not need.
import asn1 from 'node-forge/lib/asn1.js';
import { err, ok, type Result } from '../result.ts';

/** A node of a DER structure. */
export type Der = Forge.Asn1;

const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;
const node = (type: number, constructed: boolean, value: string | Der[]): Der =>
  asn1.create(UNIVERSAL, type, constructed, value);

export const sequence = (...items: Der[]): Der => node(asn1.Type.SEQUENCE, true, items);
export const set = (...items: Der[]): Der => node(asn1.Type.SET, true, items);
export const oid = (dotted: string): Der => node(asn1.Type.OID, false, asn1.oidToDer(dotted).getBytes());
export const boolean = (value: boolean): Der => node(asn1.Type.BOOLEAN, false, value ? '\xff' : '\x00');
export const octets = (bytes: Buffer): Der => node(asn1.Type.OCTETSTRING, false, bytes.toString('latin1'));
export const utf8 = (text: string): Der => node(asn1.Type.UTF8, false, Buffer.from(text).toString('latin1'));

/** A positive integer, big-endian: a leading zero is added where the first bit is set. */
export function integer(bytes: Buffer): Der {
  const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return node(asn1.Type.INTEGER, false, positive.toString('latin1'));
}

/** A bit string without unused bits, or with `unused` of them at its end. */
export const bits = (bytes: Buffer, unused = 0): Der =>
  node(asn1.Type.BITSTRING, false, Buffer.concat([Buffer.of(unused), bytes]).toString('latin1'));

/** UTCTime before 2050, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
export function time(millis: number): Der {
  const date = new Date(millis);
  return date.getUTCFullYear() < 2050
    ? node(asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : node(asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** `[tag]`: explicit when it holds nodes, implicit primitive when it holds bytes. */
export const tagged = (tag: number, value: Der[] | Buffer): Der =>
  asn1.create(
    CONTEXT_SPECIFIC,
    tag,
    Array.isArray(value),
    Array.isArray(value) ? value : value.toString('latin1'),
  );

export const encode = (der: Der): Buffer => Buffer.from(asn1.toDer(der).getBytes(), 'latin1');

/** Reads untrusted bytes; bit strings stay opaque, so that nothing inside a signature or key is parsed. */
export function decode(bytes: Buffer): Result<Der, string> {
  try {
    return ok(
      asn1.fromDer(bytes.toString('latin1'), {
        strict: true,
        parseAllBytes: true,
        decodeBitStrings: false,
      }),
    );
  } catch (error) {
    return err(error instanceof Error ? error.message : 'not DER');
  }
}

/** The children of a constructed node; none for a primitive one. */
export const children = (der: Der | undefined): readonly Der[] =>
  der && Array.isArray(der.value) ? der.value : [];

/** The bytes of a primitive node; empty for a constructed one. */
export const content = (der: Der | undefined): Buffer =>
  der && typeof der.value === 'string' ? Buffer.from(der.value, 'latin1') : Buffer.alloc(0);

export const isOid = (der: Der | undefined, dotted: string): boolean =>
  isUniversal(der, 'OID') && content(der).equals(Buffer.from(asn1.oidToDer(dotted).getBytes(), 'latin1'));

/** An object identifier in dotted form; hex of its bytes where they are no canonical one. */
export function dotted(der: Der | undefined): string {
  const bytes = content(der);
  try {
    const text = asn1.derToOid(bytes.toString('latin1'));
    if (isOid(der, text)) return text;
  } catch {
    // What cannot be read is still named.
  }
  return `0x${bytes.toString('hex')}`;
}

/** Whether this is a BOOLEAN, a BIT STRING and so on (X.680). */
export const isUniversal = (der: Der | undefined, type: keyof typeof Forge.Type): boolean =>
  der !== undefined && (der.tagClass as number) === (UNIVERSAL as number) && der.type === asn1.Type[type];

export const isContextSpecific = (der: Der): boolean =>
  (der.tagClass as number) === (CONTEXT_SPECIFIC as number);

export const isContext = (der: Der, tag: number): boolean =>
  isContextSpecific(der) && (der.type as number) === tag;
