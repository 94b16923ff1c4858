import type { ClientId, PodKey } from '../keys/names.ts';
import { Sets } from '../view/sets.ts';
import type { Certificates, Proxies } from './judge.ts';
import { PodsBy } from './pods-by.ts';

/** A certificate that a judgement has asked for. */
interface AskedCertificate {
  readonly proxyUid: string;
  readonly identity: string;
}

/** What one judgement has asked of proxies and certificates: lists of one or two, of which there are four a pod. */
interface Reads {
  clients: readonly string[];
  /** Clients that have yet to acknowledge the pod's workload, or have refused it, and the uid of that workload. */
  unacknowledged: readonly string[];
  uid: string;
  certificates: readonly AskedCertificate[];
  issuers: readonly string[];
  /** Epoch milliseconds: when the first of these certificates ends that is in force. */
  ends: number;
}

const none: readonly never[] = [];

/** Which pods' last judgements rest on which proxies, certificates and issuers. */
export class VerdictReads {
  readonly #byPod = new Map<PodKey, Reads>();
  readonly #byClient = new PodsBy();
  readonly #byCertificate = new PodsBy();
  readonly #byIssuer = new PodsBy();
  /** Uids of workloads that a client has yet to acknowledge, or has refused, as far as judgements have asked. */
  readonly #awaited = new Sets<string, string>();

  /** The same answers, noted for the pod until it is judged again. `now`: epoch milliseconds. */
  noting(pod: PodKey, proxies: Proxies, certificates: Certificates, now: number): [Proxies, Certificates] {
    this.forget(pod);
    const reads: Reads = {
      clients: none,
      unacknowledged: none,
      uid: '',
      certificates: none,
      issuers: none,
      ends: Infinity,
    };
    this.#byPod.set(pod, reads);
    return [
      this.#notingProxies(pod, reads, proxies, now),
      this.#notingCertificates(pod, reads, certificates, now),
    ];
  }

  #notingProxies(pod: PodKey, reads: Reads, proxies: Proxies, now: number): Proxies {
    const client = (id: ClientId): ClientId => {
      reads.clients = withOne(reads.clients, id);
      this.#byClient.add(id, pod);
      return id;
    };
    return {
      contact: (id) => proxies.contact(client(id)),
      held: (id) => proxies.held(client(id)),
      acknowledged: (id, uid) => {
        const answer = proxies.acknowledged(client(id), uid);
        if (answer !== 'YES') this.#await(reads, id, uid);
        return answer;
      },
      returned: (id) => proxies.returned(client(id)),
      shown: (id, identity) => {
        const found = proxies.shown(client(id), identity);
        noteEnd(reads, found, now);
        return found;
      },
      lastProvenBy: (uid) => proxies.lastProvenBy(uid),
    };
  }

  #notingCertificates(
    pod: PodKey,
    reads: Reads,
    { issued, isRevoked }: Certificates,
    now: number,
  ): Certificates {
    return {
      issued: {
        since: issued.since,
        of: (proxyUid, identity) => {
          if (!reads.certificates.some((one) => one.proxyUid === proxyUid && one.identity === identity))
            reads.certificates = [...reads.certificates, { proxyUid, identity }];
          this.#byCertificate.add(certificateKey(proxyUid, identity), pod);
          const found = issued.of(proxyUid, identity);
          noteEnd(reads, found, now);
          return found;
        },
      },
      isRevoked: (issuer) => {
        reads.issuers = withOne(reads.issuers, issuer);
        this.#byIssuer.add(issuer, pod);
        return isRevoked(issuer);
      },
    };
  }

  #await(reads: Reads, client: string, uid: string): void {
    reads.unacknowledged = withOne(reads.unacknowledged, client);
    reads.uid = uid;
    this.#awaited.add(client, uid);
  }

  forget(pod: PodKey): void {
    const reads = this.#byPod.get(pod);
    if (!reads) return;
    this.#byPod.delete(pod);
    for (const client of reads.clients) this.#byClient.delete(client, pod);
    for (const client of reads.unacknowledged) this.#awaited.delete(client, reads.uid);
    for (const { proxyUid, identity } of reads.certificates)
      this.#byCertificate.delete(certificateKey(proxyUid, identity), pod);
    for (const issuer of reads.issuers) this.#byIssuer.delete(issuer, pod);
  }

  ofClient(id: string): Iterable<PodKey> {
    return this.#byClient.of(id);
  }

  /** Uids of the workloads of which the last judgement found that a client has not acknowledged them. */
  awaitedOf(client: string): ReadonlySet<string> {
    return this.#awaited.get(client);
  }

  ofCertificate(proxyUid: string, identity: string): Iterable<PodKey> {
    return this.#byCertificate.of(certificateKey(proxyUid, identity));
  }

  /** Some pod's last judgement has asked for it. */
  isAsked(proxyUid: string, identity: string): boolean {
    return this.#byCertificate.has(certificateKey(proxyUid, identity));
  }

  ofIssuer(keyId: string): Iterable<PodKey> {
    return this.#byIssuer.of(keyId);
  }

  /** When the first certificate ends that the pod's last judgement has asked for, epoch milliseconds. */
  endsOf(pod: PodKey): number {
    return this.#byPod.get(pod)?.ends ?? Infinity;
  }

  /** What the pod's last judgement has asked. */
  certificatesOf(pod: PodKey): Iterable<AskedCertificate> {
    return this.#byPod.get(pod)?.certificates ?? none;
  }
}

function noteEnd(reads: Reads, found: { readonly notAfter: number } | undefined, now: number): void {
  if (found && found.notAfter > now) reads.ends = Math.min(reads.ends, found.notAfter);
}

const withOne = (list: readonly string[], one: string): readonly string[] =>
  list.includes(one) ? list : [...list, one];

const certificateKey = (proxyUid: string, identity: string): string => `${proxyUid} ${identity}`;
