import type { X509Certificate } from 'node:crypto';
import { children, content, decode, isContext, isContextSpecific, isOid, type Der } from './der.ts';
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
export function alternativeNames(certificate: X509Certificate): readonly AlternativeName[] {
  const parsed = decode(certificate.raw);
  if (!parsed.ok) return [];
  const tbs = children(parsed.value)[0];
  const extensions = children(children(children(tbs).find((field) => isContext(field, 3)))[0]);
  return extensions.filter((one) => isOid(children(one)[0], names.subjectAltName)).flatMap(namesIn);
}

function namesIn(extension: Der): readonly AlternativeName[] {
  const value = decode(content(children(extension).at(-1)));
  if (!value.ok) return [];
  return children(value.value)
    .filter(isContextSpecific)
    .map((name) => ({ tag: name.type, bytes: content(name) }));
}
