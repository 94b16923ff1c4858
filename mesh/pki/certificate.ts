import { X509Certificate } from 'node:crypto';

/**
 * The certificate that these bytes are in DER, undefined when they are none. Node looks for PEM text in whatever it is
 * given first: a certificate with another's PEM text in one of its fields would be read as that other one.
 */
export function certificateOf(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der);
    return certificate.raw.equals(der) ? certificate : undefined;
  } catch {
    return undefined;
  }
}
