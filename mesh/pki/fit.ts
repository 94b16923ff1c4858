import type { X509Certificate } from 'node:crypto';
import { children, content, decode, isUniversal, type Der } from './der.ts';
import { allExtensions, extensionsOf, type Extension } from './extensions.ts';
import { names } from './names.ts';

/** Bits of the first byte of a key usage (RFC 5280 4.2.1.3). */
const digitalSignature = 0x80;
const keyCertSign = 0x04;
const certificateSigning = { keyCertSign, cRLSign: 0x02 } as const;

/**
 * The extensions that are read here. Any other that is critical says something about the certificate that would be
 * passed over, and closes it (RFC 5280 4.2). Name constraints are among them: they are not enforced.
 */
const readExtensions: ReadonlyMap<string, string> = new Map([
  [names.keyUsage, 'keyUsage'],
  [names.basicConstraints, 'basicConstraints'],
  [names.subjectAltName, 'subjectAltName'],
  [names.extendedKeyUsage, 'extendedKeyUsage'],
]);

/**
 * Why a certificate is not fit to be a leaf, as a sentence about it; undefined when it is. X509-SVID 4.1 to 4.3 and 5.2:
 * it is not a CA, has a key usage, with digitalSignature and with nothing that signs certificates. RFC 5280 4.2: each
 * extension once, and none critical that is not read.
 */
export function leafFault(certificate: X509Certificate): string | undefined {
  return extensionsFault(certificate) ?? notLeaf(certificate) ?? leafUsageFault(certificate);
}

/** Why a certificate is not fit to issue others: no CA, or not allowed to sign certificates (X509-SVID 4.1 and 4.3). */
export function issuerFault(certificate: X509Certificate): string | undefined {
  const fault = extensionsFault(certificate);
  if (fault !== undefined) return fault;
  if (constraintsOf(certificate)?.ca !== true) return 'is not a CA: its basicConstraints lack CA:TRUE';
  return (usageOf(certificate) ?? 0) & keyCertSign ? undefined : 'has no keyUsage with keyCertSign';
}

function extensionsFault(certificate: X509Certificate): string | undefined {
  const seen = new Set<string>();
  for (const one of allExtensions(certificate)) {
    if (seen.has(one.id)) return `has the extension ${nameOf(one)} more than once`;
    seen.add(one.id);
    if (one.critical && !readExtensions.has(one.id))
      return `has the critical extension ${nameOf(one)}, which is not supported: issue it without, or not critical`;
  }
  return undefined;
}

const nameOf = ({ id }: Extension): string => {
  const name = readExtensions.get(id);
  return name === undefined ? id.slice(0, 100) : `${name} (${id})`;
};

function notLeaf(certificate: X509Certificate): string | undefined {
  const constraints = constraintsOf(certificate);
  if (!constraints) return 'has basicConstraints that cannot be read';
  if (constraints.ca) return 'is a CA (basicConstraints CA:TRUE), not a leaf';
  return constraints.pathLength ? 'has a path length in its basicConstraints and is not a CA' : undefined;
}

function leafUsageFault(certificate: X509Certificate): string | undefined {
  const usage = usageOf(certificate);
  if (usage === undefined) return 'has no keyUsage that can be read: a leaf has one, with digitalSignature';
  for (const [name, bit] of Object.entries(certificateSigning))
    if (usage & bit) return `has a keyUsage with ${name}, which only a CA may have`;
  return usage & digitalSignature ? undefined : 'has a keyUsage without digitalSignature';
}

/** What is absent is not a CA (RFC 5280 4.2.1.9); undefined where it cannot be read. */
function constraintsOf(certificate: X509Certificate): { ca: boolean; pathLength: boolean } | undefined {
  const [value] = extensionsOf(certificate, names.basicConstraints);
  if (!value) return { ca: false, pathLength: false };
  const parsed = decode(value);
  if (!parsed.ok || !isUniversal(parsed.value, 'SEQUENCE')) return undefined;
  const rest: Der[] = [...children(parsed.value)];
  const ca = isUniversal(rest[0], 'BOOLEAN') && !content(rest.shift()).equals(Buffer.of(0));
  const pathLength = isUniversal(rest[0], 'INTEGER') && rest.shift() !== undefined;
  return rest.length === 0 ? { ca, pathLength } : undefined;
}

/** The first byte of the key usage, which has all bits that matter here; undefined where there is none. */
function usageOf(certificate: X509Certificate): number | undefined {
  const [value] = extensionsOf(certificate, names.keyUsage);
  const parsed = value && decode(value);
  if (!parsed?.ok || !isUniversal(parsed.value, 'BITSTRING')) return undefined;
  return content(parsed.value)[1];
}
