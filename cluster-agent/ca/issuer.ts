import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { formatWorkloadIdentity, type WorkloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import { createCsr, readCsr } from '@isthmus/mesh/pki/csr.ts';
import { issuerFault } from '@isthmus/mesh/pki/fit.ts';
import { certificatePem, day, issueLeaf, keyIdOf, type Issuer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem, readPrivateKey, type KeyPair } from '@isthmus/mesh/pki/key.ts';
import { renewAt } from '@isthmus/mesh/pki/rotation.ts';
import { seal, unseal, type KeyProvider } from '@isthmus/mesh/pki/seal.ts';
import { AgentError } from '../agent-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { UntilWritten, type Unsaved } from '../state/until-written.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

interface Slot {
  readonly keyId: string;
  readonly issuer: Issuer;
  /** PEM: the intermediate, then the root. */
  readonly chain: readonly string[];
}

interface SavedSlot {
  readonly sealedKey: string;
  readonly chain: readonly string[];
}

interface Deps {
  readonly path: string;
  readonly provider: KeyProvider;
  readonly clock: Clock;
  readonly random: Random;
  /** The file was written. */
  readonly onSaved?: () => void;
  /** It could not be, for this reason, and is to be tried again. */
  readonly onUnsaved?: (why: string) => void;
}

const purpose = 'intermediate key';

/**
 * The cluster's intermediates: `current` signs; `next` has been signed by the hub and waits until every verifier
 * has acknowledged it. Keys never leave this process but sealed.
 */
export class WorkloadIssuer implements Unsaved {
  readonly #deps: Deps;
  readonly #saved: UntilWritten;
  #current: Slot | undefined;
  #next: Slot | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#saved = new UntilWritten(
      () => this.#write(),
      (why) => deps.onUnsaved?.(why),
    );
    this.reload();
  }

  /** Another replica has written the file. Throws CA_FILE. */
  reload(): void {
    const { path } = this.#deps;
    const saved = existsSync(path) ? readSaved(path) : {};
    this.#current = saved.current && this.#open(saved.current);
    this.#next = saved.next && this.#open(saved.next);
  }

  get currentKeyId(): string | undefined {
    return this.#current?.keyId;
  }

  /** End of the one that signs, epoch milliseconds; undefined when none does. */
  get currentUntil(): number | undefined {
    return this.#current && Date.parse(this.#current.issuer.certificate.validTo);
  }

  /** True when the newest one, in use or waiting, is past half of its life, or there is none. */
  get wantsNext(): boolean {
    return this.#deps.clock.now() >= this.wantsNextAt;
  }

  /** From when on it wants another one: epoch milliseconds. */
  get wantsNextAt(): number {
    const certificate = (this.#next ?? this.#current)?.issuer.certificate;
    return certificate
      ? renewAt(Date.parse(certificate.validFrom), Date.parse(certificate.validTo), 0)
      : -Infinity;
  }

  /** Has a new key signed by the hub. It signs nothing until it is activated. Throws BAD_INTERMEDIATE. */
  async prepare(sign: (csr: string) => Promise<{ chain: readonly string[]; keyId: string }>): Promise<void> {
    const key = generateKey();
    const { chain } = await sign(createCsr(key));
    const certificate = checkedIntermediate(chain, key);
    this.#next = {
      keyId: keyIdOf(key.publicKey).toString('hex'),
      chain,
      issuer: { certificate, privateKey: key.privateKey },
    };
    this.save();
  }

  get hasCurrent(): boolean {
    return this.#current !== undefined;
  }

  /** Key ids of what it holds: the one that signs, and the one that waits. */
  get keyIds(): readonly string[] {
    return [this.#current, this.#next].flatMap((slot) => (slot ? [slot.keyId] : []));
  }

  /** Gives up what the hub has revoked or does not know: certificates by it would be refused everywhere. */
  giveUp(keyId: string): void {
    if (this.#current?.keyId === keyId) this.#current = undefined;
    if (this.#next?.keyId === keyId) this.#next = undefined;
    this.save();
  }

  /** The hub says which intermediates may sign. */
  activate(keyIds: ReadonlySet<string>): boolean {
    if (!this.#next || !keyIds.has(this.#next.keyId)) return false;
    this.#current = this.#next;
    this.#next = undefined;
    this.save();
    return true;
  }

  /** A leaf for the key that a request proves: PEM, leaf, intermediate, root. Throws NOT_ACTIVE or BAD_CSR. */
  issue(identity: WorkloadIdentity, csr: string, validitySeconds: number): readonly string[] {
    if (!this.#current)
      throw new AgentError(
        'NOT_ACTIVE',
        "the cluster's intermediate is not active yet, or was revoked: the hub must sign one and every verifier acknowledge it; ask again",
      );
    const { validTo } = this.#current.issuer.certificate;
    if (!(this.#deps.clock.now() < Date.parse(validTo)))
      throw new AgentError(
        'NOT_ACTIVE',
        `the cluster's intermediate expired on ${validTo}: the agent must reach the hub to renew it`,
      );
    const request = readCsr(csr);
    if (!request.ok) throw new AgentError('BAD_CSR', request.error);
    const lifetime = Math.min(day, validitySeconds > 0 ? validitySeconds * 1000 : day);
    const { issuer, chain } = this.#current;
    const leaf = issueLeaf(
      formatWorkloadIdentity(identity),
      request.value.publicKey,
      issuer,
      { now: this.#deps.clock.now(), lifetime },
      this.#deps.random,
    );
    return [certificatePem(leaf), ...chain];
  }

  #open({ sealedKey, chain }: SavedSlot): Slot {
    const certificate = new X509Certificate(chain[0] ?? '');
    const privateKey = readPrivateKey(unseal(sealedKey, purpose, this.#deps.provider));
    return {
      keyId: keyIdOf(certificate.publicKey).toString('hex'),
      chain,
      issuer: { certificate, privateKey },
    };
  }

  get isUnsaved(): boolean {
    return this.#saved.isUnsaved;
  }

  get unsaved(): string | undefined {
    return this.#saved.unsaved;
  }

  /** What cannot be written is in force all the same: what was revoked must not sign because a disk is full. */
  save(): void {
    this.#saved.save();
  }

  #write(): void {
    const { path, provider, random } = this.#deps;
    const saved = (slot: Slot | undefined): SavedSlot | undefined =>
      slot && {
        chain: slot.chain,
        sealedKey: seal(privateKeyPem(slot.issuer.privateKey), purpose, provider, random),
      };
    writeWhole(path, JSON.stringify({ current: saved(this.#current), next: saved(this.#next) }));
    this.#deps.onSaved?.();
  }
}

function readSaved(path: string): { current?: SavedSlot; next?: SavedSlot } {
  try {
    return JSON.parse(readText(path)) as { current?: SavedSlot; next?: SavedSlot };
  } catch (cause) {
    const message = `${path} cannot be read: restore it, or remove it to have the hub sign a new intermediate`;
    throw new AgentError('CA_FILE', message, { cause });
  }
}

/** What the hub answers is believed no more than what a peer sends: it is ours, a CA, and its root has issued it. */
function checkedIntermediate(chain: readonly string[], key: KeyPair): X509Certificate {
  const bad = (why: string, cause?: unknown) =>
    new AgentError('BAD_INTERMEDIATE', `the hub's intermediate is not used: ${why}`, { cause });
  if (chain.length !== 2)
    throw bad(`it came with ${chain.length} certificates, not an intermediate and a root`);
  let certificates: X509Certificate[];
  try {
    certificates = chain.map((pem) => new X509Certificate(pem));
  } catch (cause) {
    throw bad('a certificate cannot be read', cause);
  }
  const [certificate, root] = certificates;
  if (!certificate?.checkPrivateKey(key.privateKey)) throw bad('it is not for the key that was asked for');
  const fault = issuerFault(certificate);
  if (fault !== undefined) throw bad(`it ${fault}`);
  if (!root?.ca || !certificate.checkIssued(root) || !certificate.verify(root.publicKey))
    throw bad('its root has not issued it');
  return certificate;
}
