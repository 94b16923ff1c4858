import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import { X509Certificate } from 'node:crypto';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { encodeIntermediate } from '@isthmus/api/wire/trust.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import type { TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import { signIntermediate, type TrustTools } from '../../../federation/trust/trust-domain.ts';
import type { Intent, StoredReport } from '../../../federation/store/store.ts';
import { countsRow } from '../../../federation/link/counts-row.ts';
import { aGateway, aHealth, aService } from '../../../test/fakes/agent.ts';
import { aMember } from '../../../test/fakes/federation.ts';
import { servicesOf } from '../hub/services-of.ts';
import { aCluster } from '../../../test/fakes/agent.ts';

interface Report {
  readonly version: string;
  readonly body: Uint8Array;
}

/** By type and name. */
export type ClusterReports = ReadonlyMap<string, ReadonlyMap<string, Report>>;

const report = (body: Uint8Array): Report => ({ version: contentVersion(body), body });

/** What is stored of a federation whose clusters have all acknowledged the intermediates of one another. */
export class CoreWorld {
  readonly clusters: readonly string[];
  readonly intent: readonly { readonly id: string; readonly put: Intent }[];
  readonly #services: number;
  /** The same from all clusters. */
  readonly #applied: ReadonlyMap<string, Report>;

  constructor(clusters: number, services: number, domain: TrustDomainRecord, tools: TrustTools) {
    this.clusters = Array.from({ length: clusters }, (_, i) => `c-${i}`);
    this.#services = services;
    const intermediates = this.clusters.map((cluster) => intermediateOf(cluster, domain, tools));
    this.intent = [
      { id: domain.name, put: domain },
      ...this.clusters.map((cluster) => ({ id: cluster, put: aMember(cluster) })),
      ...intermediates.map((put) => ({ id: put.keyId, put })),
    ];
    this.#applied = new Map(intermediates.map(applied));
  }

  /** What the agent of a cluster reports. Made again at each call. */
  reports(index: number): ClusterReports {
    const cluster = this.clusters[index] ?? '';
    // Two clusters with one address of a gateway would contend for it.
    const address = `10.${index >> 8}.${index & 255}.1`;
    const services = servicesOf(index, this.#services).map(
      (name) => [`shop/${name}`, report(wire.serviceReport.encode(aService(name)))] as const,
    );
    return new Map<string, ReadonlyMap<string, Report>>([
      ['cluster', new Map([['self', report(wire.clusterReport.encode(aCluster(cluster)))]])],
      [
        'gateway',
        new Map([
          [`istio-system/gw/${address}`, report(wire.gatewayReport.encode(aGateway(cluster, { address })))],
        ]),
      ],
      ['service', new Map(services)],
      ['applied', this.#applied],
    ]);
  }

  /** Endpoint counts; so many of the two of its first service are healthy. */
  counts(index: number, healthy = 2): readonly ServiceHealth[] {
    return servicesOf(index, this.#services).map((name, i) => aHealth(name, i === 0 ? healthy : 2));
  }

  /** As the store has them. */
  stored(index: number): readonly StoredReport[] {
    const cluster = this.clusters[index] ?? '';
    const reports = [...this.reports(index)].flatMap(([type, ofType]) =>
      [...ofType].map(([name, { version, body }]) => ({ cluster, type, name, version, body, asOf: 1 })),
    );
    const counts = this.counts(index).flatMap((service) => {
      const { type, name: key, resource } = countsRow(formatServiceKey(service), service.groups);
      return resource ? [{ cluster, type, name: key, ...resource, asOf: 1 }] : [];
    });
    return [...reports, ...counts];
  }
}

function intermediateOf(cluster: string, domain: TrustDomainRecord, tools: TrustTools) {
  const signed = signIntermediate(domain, cluster, createCsr(generateKey()), tools);
  if (!signed.ok) throw new Error(signed.error);
  return { ...signed.value, activated: true };
}

/** What an agent says of an intermediate that all of its proxies have. */
function applied({
  keyId,
  trustDomain,
  cluster,
  certificatePem,
}: ReturnType<typeof intermediateOf>): readonly [string, Report] {
  const certificate = new X509Certificate(certificatePem);
  const sent = encodeIntermediate({
    keyId,
    trustDomain,
    cluster,
    certificate,
    revoked: false,
    namespaces: undefined,
  });
  const subject = `intermediate/${keyId}`;
  const one = { subject, version: contentVersion(sent), state: 'APPLIED', message: '', proxies: 1 } as const;
  return [subject, report(wire.appliedReport.encode(one))];
}
