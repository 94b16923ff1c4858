import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { IssuedCertificates } from './health/issued-certificates.ts';
import { takeOlderProven } from './health/older-proven.ts';
import { ProvenProxies } from './health/proven.ts';
import { surroundingsOf } from './health/surroundings.ts';
import { HealthTracker, type Health } from './health/tracker.ts';
import { Journal } from './state/journal.ts';
import type { ClusterView } from './view/cluster-view.ts';
import type { HubView } from './view/hub-view.ts';
import type { ProxyClient } from './xds/proxy-client.ts';
import type { AppliedEvent, XdsServer } from './xds/server.ts';

interface Deps extends ClusterIdentity {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: () => Pick<XdsServer, 'acknowledged' | 'returned'>;
  /** Key id of the intermediate that signs. */
  readonly issuer: () => string | undefined;
  readonly onChange: () => void;
}

/** The health of this cluster's pods: what proxies say and do, held against the cluster's objects. */
export class ClusterHealth {
  readonly #deps: Deps;
  readonly #issued: IssuedCertificates;
  readonly #journal: Journal;
  readonly #proven: ProvenProxies;
  readonly #tracker: HealthTracker;
  #current: Health = { of: () => unassessed, findings: [] };

  constructor(deps: Deps) {
    const { stateDir, clock, log, streams, onChange } = deps;
    this.#deps = deps;
    this.#issued = new IssuedCertificates({ path: join(stateDir, 'issued.jsonl'), clock, log });
    this.#journal = new Journal({ folder: join(stateDir, 'proven'), clock, log });
    this.#proven = new ProvenProxies(this.#journal, log);
    takeOlderProven(join(stateDir, 'proven.json'), this.#proven, log);
    this.#tracker = new HealthTracker({
      proven: this.#proven,
      streams: {
        acknowledged: (id, uid) => streams().acknowledged(id, typeUrls.address, uid),
        returned: (id) => streams().returned(id),
      },
      issued: this.#issued,
      clock,
      onChange,
    });
  }

  get current(): Health {
    return this.#current;
  }

  start(): void {
    this.#tracker.start();
  }

  /** Another agent may have the folder from now on. */
  stop(): void {
    this.#tracker.stop();
    void this.#journal.close();
  }

  /** Judges every pod anew. */
  assess(view: ClusterView, { intermediates }: HubView): Health {
    this.#current = this.#tracker.assess({
      pods: view.pods(),
      around: surroundingsOf(view, this.#deps),
      // Peers refuse certificates of an intermediate that they have not received, as they refuse those of a revoked one.
      isRevoked: (issuer) => intermediates.get(issuer)?.revoked ?? true,
    });
    return this.#current;
  }

  /** To be called about once a second. */
  save(): void {
    this.#proven.save();
  }

  opened({ id }: ProxyClient): void {
    this.#tracker.opened(id);
  }

  lost({ id }: ProxyClient): void {
    this.#tracker.lost(id);
  }

  answered({ client, type, applied, rejected }: AppliedEvent): void {
    this.#tracker.answered(
      client.id,
      type === typeUrls.address ? [...applied.keys(), ...rejected.keys()] : [],
    );
  }

  /** A proxy, by its pod's uid, gets a certificate: PEM. */
  issued(proxyUid: string, identity: string, leaf: string): void {
    const notAfter = Date.parse(new X509Certificate(leaf).validTo);
    this.#issued.record(proxyUid, identity, { notAfter, issuer: this.#deps.issuer() ?? '' });
    this.#tracker.certificateIssued();
  }
}

/** Nothing is reported of a cluster that has not been listed. */
const unassessed = {
  problem: { cause: 'PROXY_NOT_CONNECTED', object: '', detail: '' },
  stale: undefined,
  provenBy: undefined,
  until: Infinity,
} as const;
