import type { X509Certificate } from 'node:crypto';
import { children, content, decode, isContext } from './der.ts';
import { extensionsOf } from './extensions.ts';
import { names } from './names.ts';

/** Asked at every handshake of the one object that is kept of a leaf. */
const known = new WeakMap<X509Certificate, { readonly keyId: string | undefined }>();

/**
 * The key id of the issuer that a certificate names (RFC 5280 4.2.1.1), lower-case hex; undefined where it names none,
 * or more than once. It says where to look, and proves nothing.
 */
export function authorityKeyId(certificate: X509Certificate): string | undefined {
  const named = known.get(certificate) ?? { keyId: read(certificate) };
  known.set(certificate, named);
  return named.keyId;
}

function read(certificate: X509Certificate): string | undefined {
  const [value, ...more] = extensionsOf(certificate, names.authorityKeyId);
  const parsed = value && more.length === 0 ? decode(value) : undefined;
  const id = parsed?.ok ? children(parsed.value).find((field) => isContext(field, 0)) : undefined;
  const bytes = content(id);
  return bytes.length > 0 ? bytes.toString('hex') : undefined;
}
