import type { ClientId, PodKey } from '../keys/names.ts';
import { Sets } from '../view/sets.ts';
import type { Certificates, Proxies } from './judge.ts';

/** What one judgement has asked of proxies and certificates. */
interface Reads {
  readonly clients: Set<string>;
  /** Clients that have yet to acknowledge the pod's workload, or have refused it. */
  readonly unacknowledged: Set<string>;
  readonly certificates: Map<string, { readonly proxyUid: string; readonly identity: string }>;
  readonly issuers: Set<string>;
  /** Epoch milliseconds: when the first of these certificates ends that is in force. */
  ends: number;
}

/** Which pods' last judgements rest on which proxies, certificates and issuers. */
export class VerdictReads {
  readonly #byPod = new Map<PodKey, Reads>();
  readonly #byClient = new Sets<string, PodKey>();
  readonly #byCertificate = new Sets<string, PodKey>();
  readonly #byIssuer = new Sets<string, PodKey>();

  /** The same answers, noted for the pod until it is judged again. `now`: epoch milliseconds. */
  noting(
    pod: PodKey,
    proxies: Proxies,
    { issued, isRevoked }: Certificates,
    now: number,
  ): [Proxies, Certificates] {
    const reads: Reads = {
      clients: new Set(),
      unacknowledged: new Set(),
      certificates: new Map(),
      issuers: new Set(),
      ends: Infinity,
    };
    this.forget(pod);
    this.#byPod.set(pod, reads);
    const client = (id: ClientId): ClientId => {
      reads.clients.add(id);
      this.#byClient.add(id, pod);
      return id;
    };
    const noted: Proxies = {
      contact: (id) => proxies.contact(client(id)),
      held: (id) => proxies.held(client(id)),
      acknowledged: (id, uid) => {
        const answer = proxies.acknowledged(client(id), uid);
        if (answer !== 'YES') reads.unacknowledged.add(id);
        return answer;
      },
      returned: (id) => proxies.returned(client(id)),
      shown: (id, identity) => {
        const found = proxies.shown(client(id), identity);
        if (found && found.notAfter > now) reads.ends = Math.min(reads.ends, found.notAfter);
        return found;
      },
      lastProvenBy: (uid) => proxies.lastProvenBy(uid),
    };
    return [
      noted,
      {
        issued: {
          since: issued.since,
          of: (proxyUid, identity) => {
            reads.certificates.set(certificateKey(proxyUid, identity), { proxyUid, identity });
            this.#byCertificate.add(certificateKey(proxyUid, identity), pod);
            const found = issued.of(proxyUid, identity);
            if (found && found.notAfter > now) reads.ends = Math.min(reads.ends, found.notAfter);
            return found;
          },
        },
        isRevoked: (issuer) => {
          reads.issuers.add(issuer);
          this.#byIssuer.add(issuer, pod);
          return isRevoked(issuer);
        },
      },
    ];
  }

  forget(pod: PodKey): void {
    const reads = this.#byPod.get(pod);
    if (!reads) return;
    this.#byPod.delete(pod);
    for (const client of reads.clients) this.#byClient.delete(client, pod);
    for (const key of reads.certificates.keys()) this.#byCertificate.delete(key, pod);
    for (const issuer of reads.issuers) this.#byIssuer.delete(issuer, pod);
  }

  ofClient(id: string): ReadonlySet<PodKey> {
    return this.#byClient.get(id);
  }

  /** Whether the pod's last judgement found that a client has not acknowledged its workload. */
  awaits(pod: PodKey, client: string): boolean {
    return this.#byPod.get(pod)?.unacknowledged.has(client) ?? false;
  }

  ofCertificate(proxyUid: string, identity: string): ReadonlySet<PodKey> {
    return this.#byCertificate.get(certificateKey(proxyUid, identity));
  }

  ofIssuer(keyId: string): ReadonlySet<PodKey> {
    return this.#byIssuer.get(keyId);
  }

  /** When the first certificate ends that the pod's last judgement has asked for, epoch milliseconds. */
  endsOf(pod: PodKey): number {
    return this.#byPod.get(pod)?.ends ?? Infinity;
  }

  /** What the pod's last judgement has asked. */
  certificatesOf(pod: PodKey): Iterable<{ readonly proxyUid: string; readonly identity: string }> {
    return this.#byPod.get(pod)?.certificates.values() ?? [];
  }
}

const certificateKey = (proxyUid: string, identity: string): string => `${proxyUid} ${identity}`;
