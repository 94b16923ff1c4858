import { X509Certificate, type KeyObject } from 'node:crypto';
import { spiffeIdOf } from '@isthmus/mesh/identity/judge.ts';
import { authorityKeyId } from '@isthmus/mesh/pki/authority-key-id.ts';
import { leafFault } from '@isthmus/mesh/pki/fit.ts';
import { ProxyError } from '../proxy-error.ts';

interface Accepted {
  /** PEM of leaf and intermediates; the root stays away from handshakes. */
  readonly chain: string;
  readonly validFrom: number;
  readonly validTo: number;
  /** Lower-case hex. */
  readonly serial: string;
  /** The key id of the issuer that the leaf names, lower-case hex; '' when it names none. */
  readonly issuerKeyId: string;
}

/**
 * Checks what a certificate service gave (Istio's CreateCertificate): a leaf for our key and the identity that was
 * asked for, which our peers will accept as one, and at least one more certificate, of which the last is the root. Throws BAD_CHAIN.
 */
export function acceptChain(answer: readonly string[], identity: string, publicKey: KeyObject): Accepted {
  const leaf = readLeaf(answer[0] ?? '');
  const named = spiffeIdOf(leaf);
  if (!named.ok || named.value !== identity)
    throw badChain(`is for ${named.ok ? named.value : 'no workload'}, not for ${identity}`);
  const fault = leafFault(leaf);
  if (fault !== undefined) throw badChain(fault);
  if (!leaf.publicKey.equals(publicKey)) throw badChain('is for another key than ours');
  if (answer.length < 2) throw badChain('comes without its root');
  return {
    chain: answer.slice(0, -1).join('\n'),
    validFrom: Date.parse(leaf.validFrom),
    validTo: Date.parse(leaf.validTo),
    serial: leaf.serialNumber.toLowerCase(),
    issuerKeyId: authorityKeyId(leaf) ?? '',
  };
}

function readLeaf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new ProxyError('BAD_CHAIN', 'the certificate that was given cannot be read', { cause });
  }
}

const badChain = (why: string) => new ProxyError('BAD_CHAIN', `the certificate that was given ${why}`);
