import type { X509Certificate } from 'node:crypto';
import { authorityKeyId } from '../pki/authority-key-id.ts';
import { issuerFault } from '../pki/fit.ts';
import { keyIdOf } from '../pki/issue.ts';
import { err, ok, type Result } from '../result.ts';
import type { Intermediate, TrustBundle } from './issuers.ts';
import { ProvenLeaves } from './proven-leaves.ts';

/**
 * The intermediates in force, and the roots that each was verified against once. After a handshake the leaf alone is
 * matched here: what chain the peer sent, and what union of roots the TLS library trusted, proves nothing.
 */
export class IssuerTable {
  readonly #bundles = new Map<string, TrustBundle>();
  /** By key id. A leaf names its issuer's, so that a match costs one look-up however many issuers there are. */
  readonly #intermediates = new Map<string, Intermediate>();
  readonly #verified = new Set<string>();
  /** Key ids by subject, for leaves that name their issuer by its name alone. Subjects are unique as the hub signs. */
  readonly #bySubject = new Map<string, Set<string>>();
  /** The highest sequence that was seen of each trust domain's bundle; it outlives the bundle. */
  readonly #sequences = new Map<string, number>();
  readonly #proven = new ProvenLeaves();
  /** Grows with every change, so that pools can tell connections that were judged by an older table. */
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  /** Refuses a bundle that is older than one that was held before: its roots may have been withdrawn since. */
  upsertBundle(bundle: TrustBundle): Result<undefined, string> {
    const { trustDomain, sequence } = bundle;
    const newest = this.#sequences.get(trustDomain) ?? 0;
    if (sequence < newest) return err(olderBundle(bundle, newest));
    this.#sequences.set(trustDomain, sequence);
    this.#bundles.set(trustDomain, bundle);
    this.#verifyOf(trustDomain);
    return ok(undefined);
  }

  removeBundle(trustDomain: string): void {
    this.#bundles.delete(trustDomain);
    this.#verifyOf(trustDomain);
  }

  upsertIntermediate(intermediate: Intermediate): void {
    const { keyId, certificate } = intermediate;
    this.#unlist(keyId);
    this.#intermediates.set(keyId, intermediate);
    this.#bySubject.set(
      certificate.subject,
      (this.#bySubject.get(certificate.subject) ?? new Set<string>()).add(keyId),
    );
    this.#revision++;
    this.#verify(intermediate);
  }

  removeIntermediate(keyId: string): void {
    this.#unlist(keyId);
    this.#intermediates.delete(keyId);
    this.#verified.delete(keyId);
    this.#revision++;
  }

  intermediates(): readonly Intermediate[] {
    return [...this.#intermediates.values()];
  }

  bundles(): readonly TrustBundle[] {
    return [...this.#bundles.values()];
  }

  /** The intermediate of that key id, in force or revoked; undefined unless a root of its own domain issued it. */
  get(keyId: string): Intermediate | undefined {
    return this.#verified.has(keyId) ? this.#intermediates.get(keyId) : undefined;
  }

  /** True for an intermediate that is revoked, no longer known at all, or issued by no root that is still in force. */
  isRevoked(keyId: string): boolean {
    return this.get(keyId)?.revoked ?? true;
  }

  /**
   * The intermediate that issued a leaf, in force or revoked. Unknown issuers are refused, and so is one whose own
   * certificate was not issued by a root of its own trust domain.
   */
  match(leaf: X509Certificate): Result<Intermediate, string> {
    for (const keyId of this.#named(leaf)) {
      const intermediate = this.get(keyId);
      const certificate = intermediate?.certificate;
      if (certificate && this.#proven.isSigned(leaf, certificate)) return ok(intermediate);
    }
    return err('no known intermediate has issued this certificate');
  }

  /** The same leaf, as the object of which a former match has read what it needed. */
  same(leaf: X509Certificate): X509Certificate {
    return this.#proven.same(leaf);
  }

  /** The issuers that a leaf may mean: the one whose key it names, else those of the name that it gives. */
  #named(leaf: X509Certificate): Iterable<string> {
    const keyId = authorityKeyId(leaf);
    return keyId === undefined ? (this.#bySubject.get(leaf.issuer) ?? []) : [keyId];
  }

  #unlist(keyId: string): void {
    const subject = this.#intermediates.get(keyId)?.certificate.subject;
    const listed = subject === undefined ? undefined : this.#bySubject.get(subject);
    listed?.delete(keyId);
    if (subject !== undefined && listed?.size === 0) this.#bySubject.delete(subject);
  }

  #verifyOf(trustDomain: string): void {
    this.#revision++;
    for (const one of this.#intermediates.values()) if (one.trustDomain === trustDomain) this.#verify(one);
  }

  /** Once for each certificate and bundle: a signature costs more than a handshake should pay twice. */
  #verify({ keyId, trustDomain, certificate }: Intermediate): void {
    const roots = this.#bundles.get(trustDomain)?.roots ?? [];
    const issued = (root: X509Certificate) =>
      root.ca && certificate.checkIssued(root) && certificate.verify(root.publicKey);
    const isOwnKey = keyIdOf(certificate.publicKey).toString('hex') === keyId;
    if (isOwnKey && issuerFault(certificate) === undefined && roots.some(issued)) this.#verified.add(keyId);
    else this.#verified.delete(keyId);
  }
}

/** Why a bundle is refused where a newer one is known. */
export const olderBundle = ({ trustDomain, sequence }: TrustBundle, newest: number): string =>
  `the bundle of ${trustDomain} has sequence ${sequence}, and ${newest} is held: an older bundle never replaces a newer one`;
