import type { X509Certificate } from 'node:crypto';
import { authorityKeyId } from '../pki/authority-key-id.ts';
import { issuerFault } from '../pki/fit.ts';
import { keyIdOf } from '../pki/issue.ts';
import { err, ok, type Result } from '../result.ts';
import type { Intermediate, TrustBundle } from './issuers.ts';
import { ProvenLeaves } from './proven-leaves.ts';

/**
 * The intermediates in force, and the roots that each was verified against once. After a handshake the leaf alone is
 * matched here: what chain the peer sent, and what union of roots the TLS library trusted, proves nothing. What writes
 * gives back the key ids of issuers of which something else holds now: leaves of others are judged as before.
 */
export class IssuerTable {
  readonly #bundles = new Map<string, TrustBundle>();
  /** By key id. A leaf names its issuer's, so that a match costs one look-up however many issuers there are. */
  readonly #intermediates = new Map<string, Intermediate>();
  /** Key ids by trust domain: a bundle concerns those of its own. */
  readonly #byDomain = new Map<string, Set<string>>();
  /** By key id, the DER of the root that has issued it, one character a byte. */
  readonly #verified = new Map<string, string>();
  /** Key ids by subject, for leaves that name their issuer by its name alone. Subjects are unique as the hub signs. */
  readonly #bySubject = new Map<string, Set<string>>();
  /** The highest sequence that was seen of each trust domain's bundle; it outlives the bundle. */
  readonly #sequences = new Map<string, number>();
  readonly #proven = new ProvenLeaves();

  /** Refuses a bundle that is older than one that was held before: its roots may have been withdrawn since. */
  upsertBundle(bundle: TrustBundle): Result<ReadonlySet<string>, string> {
    const { trustDomain, sequence } = bundle;
    const newest = this.#sequences.get(trustDomain) ?? 0;
    if (sequence < newest) return err(olderBundle(bundle, newest));
    this.#sequences.set(trustDomain, sequence);
    this.#bundles.set(trustDomain, bundle);
    return ok(this.#verifyOf(trustDomain));
  }

  removeBundle(trustDomain: string): ReadonlySet<string> {
    this.#bundles.delete(trustDomain);
    return this.#verifyOf(trustDomain);
  }

  upsertIntermediate(intermediate: Intermediate): ReadonlySet<string> {
    const { keyId, certificate, trustDomain } = intermediate;
    const [known, before] = [this.#intermediates.get(keyId), this.get(keyId)];
    this.#unlist(keyId);
    this.#intermediates.set(keyId, intermediate);
    list(this.#bySubject, certificate.subject, keyId);
    list(this.#byDomain, trustDomain, keyId);
    // What a revocation or another list of namespaces leaves as it was needs no signature.
    const isVerifiedAlike =
      known?.trustDomain === trustDomain && known.certificate.raw.equals(certificate.raw);
    if (!isVerifiedAlike) {
      this.#verified.delete(keyId);
      this.#verify(intermediate);
    }
    return this.#touched(keyId, before);
  }

  removeIntermediate(keyId: string): ReadonlySet<string> {
    const before = this.get(keyId);
    this.#unlist(keyId);
    this.#intermediates.delete(keyId);
    this.#verified.delete(keyId);
    return this.#touched(keyId, before);
  }

  /** Whether no intermediate is known at all. */
  get isEmpty(): boolean {
    return this.#intermediates.size === 0;
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

  /** The leaf of these bytes, as the object of which a former match has read what it needed; undefined: they are none. */
  read(der: Buffer): X509Certificate | undefined {
    return this.#proven.read(der);
  }

  /** The issuers that a leaf may mean: the one whose key it names, else those of the name that it gives. */
  #named(leaf: X509Certificate): Iterable<string> {
    const keyId = authorityKeyId(leaf);
    return keyId === undefined ? (this.#bySubject.get(leaf.issuer) ?? []) : [keyId];
  }

  #unlist(keyId: string): void {
    const known = this.#intermediates.get(keyId);
    if (!known) return;
    unlist(this.#bySubject, known.certificate.subject, keyId);
    unlist(this.#byDomain, known.trustDomain, keyId);
  }

  #touched(keyId: string, before: Intermediate | undefined): ReadonlySet<string> {
    return isStandingAlike(before, this.get(keyId)) ? noIssuers : new Set([keyId]);
  }

  #verifyOf(trustDomain: string): ReadonlySet<string> {
    const roots = new Set(this.#bundles.get(trustDomain)?.roots.map(derOf));
    const touched = new Set<string>();
    for (const keyId of this.#byDomain.get(trustDomain) ?? []) {
      const root = this.#verified.get(keyId);
      if (root !== undefined && roots.has(root)) continue;
      const before = this.get(keyId);
      this.#verified.delete(keyId);
      const intermediate = this.#intermediates.get(keyId);
      if (intermediate) this.#verify(intermediate);
      if (before !== this.get(keyId)) touched.add(keyId);
    }
    return touched;
  }

  /** Once for each certificate and root: a signature costs more than a handshake should pay twice. */
  #verify({ keyId, trustDomain, certificate }: Intermediate): void {
    const roots = this.#bundles.get(trustDomain)?.roots ?? [];
    if (roots.length === 0) return;
    const isOwnKey = keyIdOf(certificate.publicKey).toString('hex') === keyId;
    if (!isOwnKey || issuerFault(certificate) !== undefined) return;
    const issuer = roots.find(
      (root) => root.ca && certificate.checkIssued(root) && certificate.verify(root.publicKey),
    );
    if (issuer) this.#verified.set(keyId, derOf(issuer));
  }
}

const derOf = ({ raw }: X509Certificate): string => raw.toString('latin1');

function list(index: Map<string, Set<string>>, key: string, keyId: string): void {
  index.set(key, (index.get(key) ?? new Set<string>()).add(keyId));
}

function unlist(index: Map<string, Set<string>>, key: string, keyId: string): void {
  const listed = index.get(key);
  listed?.delete(keyId);
  if (listed?.size === 0) index.delete(key);
}

const noIssuers: ReadonlySet<string> = new Set();

/** What `issuerRefusal` and `match` read of an issuer. One that no root has issued is as if it were not there. */
const isStandingAlike = (one: Intermediate | undefined, other: Intermediate | undefined): boolean =>
  one?.trustDomain === other?.trustDomain &&
  one?.cluster === other?.cluster &&
  one?.revoked === other?.revoked &&
  JSON.stringify(one?.namespaces) === JSON.stringify(other?.namespaces);

/** Why a bundle is refused where a newer one is known. */
export const olderBundle = ({ trustDomain, sequence }: TrustBundle, newest: number): string =>
  `the bundle of ${trustDomain} has sequence ${sequence}, and ${newest} is held: an older bundle never replaces a newer one`;
