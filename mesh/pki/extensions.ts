import type { X509Certificate } from 'node:crypto';
import { children, content, decode, dotted, isContext, isUniversal } from './der.ts';

/** One extension of a certificate (RFC 5280 4.2), as its DER has it. */
export interface Extension {
  /** Dotted. */
  readonly id: string;
  readonly critical: boolean;
  /** The DER inside its octet string. */
  readonly value: Buffer;
}

/** A handshake asks several questions of one leaf, which is parsed for the first of them. */
const known = new WeakMap<X509Certificate, readonly Extension[]>();

/** All extensions, in the order in which the certificate has them; none where it is not strict DER. */
export function allExtensions(certificate: X509Certificate): readonly Extension[] {
  const read = known.get(certificate) ?? readAll(certificate);
  known.set(certificate, read);
  return read;
}

/** The values of all extensions of one kind. */
export const extensionsOf = (certificate: X509Certificate, id: string): readonly Buffer[] =>
  allExtensions(certificate).flatMap((one) => (one.id === id ? [one.value] : []));

function readAll(certificate: X509Certificate): readonly Extension[] {
  const parsed = decode(certificate.raw);
  if (!parsed.ok) return [];
  const tbs = children(parsed.value)[0];
  const extensions = children(children(children(tbs).find((field) => isContext(field, 3)))[0]);
  return extensions.map((one) => {
    const [id, flag] = children(one);
    return {
      id: dotted(id),
      // What other readers take for true is true here.
      critical: isUniversal(flag, 'BOOLEAN') && !content(flag).equals(Buffer.of(0)),
      value: content(children(one).at(-1)),
    };
  });
}
