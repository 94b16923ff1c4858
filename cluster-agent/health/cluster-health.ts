import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { HeldCertificate } from '@isthmus/api/domain/proxy-report.ts';
import type { IssuedCertificate } from '@isthmus/api/domain/replica.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ClusterIdentity } from '../view/cluster-identity.ts';
import { IssuedCertificates } from './issued-certificates.ts';
import { takeOlderProven } from './older-proven.ts';
import { ProvenProxies } from './proven.ts';
import { HealthTracker, type Health, type Judged } from './tracker.ts';
import { Journal } from '../state/journal.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import { podKey, type ClientId, type PodKey } from '../keys/names.ts';

/** What a proxy has answered to one response, by the names of resources. */
interface Answered {
  readonly client: { readonly id: ClientId };
  readonly type: string;
  readonly applied: { keys(): Iterable<string> };
  readonly rejected: { keys(): Iterable<string> };
}

/** What the streams of proxies say, by the id of the client. */
interface ProxyStreams {
  acknowledged(client: string, type: string, name: string): 'YES' | 'NO' | { readonly refused: string };
  returned(client: string): boolean;
}

interface Deps extends ClusterIdentity {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: () => ProxyStreams;
  /** The certificate that a proxy reports for an identity. */
  readonly shown: (id: ClientId, identity: string) => HeldCertificate | undefined;
  /** Key id of the intermediate that signs. */
  readonly issuer: () => string | undefined;
  readonly intermediates: () => ReadonlyMap<string, { readonly revoked: boolean }>;
  /** Pods that rest on these keys may be of another health now. */
  readonly onChange: (changes: ChangeSet) => void;
  /** A proof could not be saved, and is to be tried again. */
  readonly onUnsaved: () => void;
}

/** The health of this cluster's pods: what proxies say and do, held against the cluster's objects. */
export class ClusterHealth {
  readonly #deps: Deps;
  readonly #issued: IssuedCertificates;
  readonly #journal: Journal;
  readonly #proven: ProvenProxies;
  readonly #tracker: HealthTracker;
  /** This replica has issued a certificate. */
  onIssued: (certificate: IssuedCertificate) => void = () => undefined;

  constructor(deps: Deps) {
    const { stateDir, cluster, clock, log, streams, intermediates, onChange } = deps;
    this.#deps = deps;
    this.#issued = new IssuedCertificates({
      path: join(stateDir, 'issued.jsonl'),
      clock,
      log,
      onUnsaved: deps.onUnsaved,
    });
    this.#journal = new Journal({ folder: join(stateDir, 'proven'), clock, log });
    this.#proven = new ProvenProxies(this.#journal, log, deps.onUnsaved);
    takeOlderProven(join(stateDir, 'proven.json'), this.#proven, log);
    this.#tracker = new HealthTracker({
      cluster,
      proven: this.#proven,
      streams: {
        acknowledged: (id, uid) => streams().acknowledged(id, typeUrls.address, uid),
        returned: (id) => streams().returned(id),
        shown: deps.shown,
      },
      issued: this.#issued,
      // Peers refuse certificates of an intermediate that they have not received, as they refuse those of a revoked one.
      isRevoked: (issuer) => intermediates().get(issuer)?.revoked ?? true,
      clock,
      onChange,
    });
  }

  /** What verdicts rest on, and what takes them. */
  get facts(): HealthTracker {
    return this.#tracker;
  }

  /** The health of pods by the verdicts that were derived. */
  current({ judged }: { readonly judged: (pod: PodKey) => Judged | undefined }): Health {
    const tracker = this.#tracker;
    return {
      of: ({ metadata }) => judged(podKey(metadata))?.verdict ?? unassessed,
      problems: tracker.problems,
    };
  }

  start(): void {
    this.#tracker.start();
  }

  /** Another agent may have the folder from now on. */
  stop(): void {
    this.#tracker.stop();
    void this.#journal.close();
  }

  /** A proof, or a certificate that was issued, is not on the disk. */
  get isUnsaved(): boolean {
    return this.#proven.isUnsaved || this.#issued.isUnsaved;
  }

  get unsaved(): string | undefined {
    return this.#proven.unsaved ?? this.#issued.unsaved;
  }

  /** To be called about once a second while something is not saved. */
  save(): void {
    this.#proven.save();
    if (this.#issued.isUnsaved) this.#issued.save();
  }

  opened({ id }: Answered['client']): void {
    this.#tracker.opened(id);
  }

  lost({ id }: Answered['client'], isReplicaLost = false): void {
    this.#tracker.lost(id, isReplicaLost);
  }

  answered({ client, type, applied, rejected }: Answered): void {
    const isOfWorkloads = type === typeUrls.address;
    this.#tracker.answered(
      client.id,
      isOfWorkloads ? applied.keys() : [],
      isOfWorkloads ? rejected.keys() : [],
    );
  }

  /** End of each certificate that was issued, by identity, by the uid of the proxy that has it. */
  issuedByProxy(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return this.#issued.byProxy();
  }

  /** A proxy has reported which certificates it holds. */
  certificateReported(client: ClientId): void {
    this.#tracker.certificateReported(client);
  }

  /** A proxy, by its pod's uid, gets a certificate: PEM. */
  issued(proxyUid: string, identity: string, leaf: string): void {
    const notAfter = Date.parse(new X509Certificate(leaf).validTo);
    const issuer = this.#deps.issuer() ?? '';
    this.#issued.record(proxyUid, identity, { notAfter, issuer });
    this.#tracker.certificateIssued(proxyUid, identity);
    this.onIssued({ proxyUid, identity, notAfter, issuer });
  }

  /** Another replica of the agent has issued these. */
  issuedElsewhere(certificates: readonly IssuedCertificate[]): void {
    for (const { proxyUid, identity, notAfter, issuer } of certificates) {
      const known = this.#issued.of(proxyUid, identity);
      if (known && known.notAfter >= notAfter) continue;
      this.#issued.record(proxyUid, identity, { notAfter, issuer });
      this.#tracker.certificateIssued(proxyUid, identity);
    }
  }

  /** Every certificate that is recorded. */
  allIssued(): Iterable<IssuedCertificate> {
    return this.#issued.all();
  }
}

/** Nothing is reported of a cluster that has not been listed. */
const unassessed = {
  problem: { cause: 'PROXY_NOT_CONNECTED', object: '' },
  stale: undefined,
  provenBy: undefined,
  until: Infinity,
} as const;
