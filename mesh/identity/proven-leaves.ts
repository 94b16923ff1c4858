import type { X509Certificate } from 'node:crypto';
import { certificateOf } from '../pki/certificate.ts';

/** Most leaves that are kept, of at most so many bytes each: with what was read of them some 4 MB. */
const defaultMax = 512;
const longest = 4096;

interface Proven {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate;
}

/**
 * Leaves and the issuers whose signatures on them were verified. A peer shows the same leaf at every handshake, and who
 * signed it follows from its bytes alone: to parse it and to verify that signature again is a tenth of a handshake.
 * Everything that time or the table of issuers may change is asked each time. What nobody known has signed is not kept;
 * beyond the most that are, the first gives way.
 */
export class ProvenLeaves {
  readonly #max: number;
  /** By DER, one character a byte. */
  readonly #proven = new Map<string, Proven>();

  constructor(max = defaultMax) {
    this.#max = max;
  }

  /** The leaf of these bytes: the object that is kept, of which much has been read already, else a new one. */
  read(der: Buffer): X509Certificate | undefined {
    return this.#proven.get(der.toString('latin1'))?.leaf ?? certificateOf(der);
  }

  /** Whether the issuer has signed the leaf. */
  isSigned(leaf: X509Certificate, issuer: X509Certificate): boolean {
    const name = nameOf(leaf);
    const proven = this.#proven.get(name);
    if (proven?.issuer === issuer) return true;
    if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey)) return false;
    if (name.length <= longest) this.#keep(name, { leaf: proven?.leaf ?? leaf, issuer });
    return true;
  }

  get size(): number {
    return this.#proven.size;
  }

  #keep(name: string, proven: Proven): void {
    this.#proven.set(name, proven);
    if (this.#proven.size > this.#max) this.#proven.delete(this.#proven.keys().next().value ?? '');
  }
}

const nameOf = ({ raw }: X509Certificate): string => raw.toString('latin1');
