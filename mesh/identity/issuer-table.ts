import type { X509Certificate } from 'node:crypto';
import { err, ok, type Result } from '../result.ts';
import type { Intermediate, TrustBundle } from './issuers.ts';

/**
 * The intermediates in force, and the roots that each was verified against once. After a handshake the leaf alone is
 * matched here: what chain the peer sent, and what union of roots the TLS library trusted, proves nothing.
 */
export class IssuerTable {
  readonly #bundles = new Map<string, TrustBundle>();
  readonly #intermediates = new Map<string, Intermediate>();
  readonly #verified = new Set<string>();
  /** Grows with every change, so that pools can tell connections that were judged by an older table. */
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  upsertBundle(bundle: TrustBundle): void {
    this.#bundles.set(bundle.trustDomain, bundle);
    this.#verifyOf(bundle.trustDomain);
  }

  removeBundle(trustDomain: string): void {
    this.#bundles.delete(trustDomain);
    this.#verifyOf(trustDomain);
  }

  upsertIntermediate(intermediate: Intermediate): void {
    this.#intermediates.set(intermediate.keyId, intermediate);
    this.#revision++;
    this.#verify(intermediate);
  }

  removeIntermediate(keyId: string): void {
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

  /** True for an intermediate that is revoked, no longer known at all, or issued by no root that is still in force. */
  isRevoked(keyId: string): boolean {
    return !this.#verified.has(keyId) || (this.#intermediates.get(keyId)?.revoked ?? true);
  }

  /**
   * The intermediate that issued a leaf, in force or revoked. Unknown issuers are refused, and so is one whose own
   * certificate was not issued by a root of its own trust domain.
   */
  match(leaf: X509Certificate): Result<Intermediate, string> {
    for (const intermediate of this.#intermediates.values()) {
      const { certificate, keyId } = intermediate;
      if (this.#verified.has(keyId) && leaf.checkIssued(certificate) && leaf.verify(certificate.publicKey))
        return ok(intermediate);
    }
    return err('no known intermediate has issued this certificate');
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
    if (certificate.ca && roots.some(issued)) this.#verified.add(keyId);
    else this.#verified.delete(keyId);
  }
}
