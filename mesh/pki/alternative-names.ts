import type { X509Certificate } from 'node:crypto';
import { children, content, decode, isContextSpecific } from './der.ts';
import { extensionsOf } from './extensions.ts';
import { names } from './names.ts';

/** One subject alternative name by its GeneralName tag (RFC 5280 4.2.1.6): 2 is DNS, 6 is URI. */
export interface AlternativeName {
  readonly tag: number;
  readonly bytes: Buffer;
}

/**
 * The alternative names of a certificate, read from its DER: the text that Node gives joins them with commas, and a
 * DNS name may contain one.
 */
export const alternativeNames = (certificate: X509Certificate): readonly AlternativeName[] =>
  extensionsOf(certificate, names.subjectAltName).flatMap(namesIn);

function namesIn(extension: Buffer): readonly AlternativeName[] {
  const value = decode(extension);
  if (!value.ok) return [];
  return children(value.value)
    .filter(isContextSpecific)
    .map((name) => ({ tag: name.type, bytes: content(name) }));
}
