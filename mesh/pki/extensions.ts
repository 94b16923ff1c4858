import type { X509Certificate } from 'node:crypto';
import { children, content, decode, isContext, isOid } from './der.ts';

/** The values of all extensions of one kind, in the order in which the certificate has them; each is DER. */
export function extensionsOf(certificate: X509Certificate, oid: string): readonly Buffer[] {
  const parsed = decode(certificate.raw);
  if (!parsed.ok) return [];
  const tbs = children(parsed.value)[0];
  const extensions = children(children(children(tbs).find((field) => isContext(field, 3)))[0]);
  return extensions.filter((one) => isOid(children(one)[0], oid)).map((one) => content(children(one).at(-1)));
}
