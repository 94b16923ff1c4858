import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { CertificateManager } from '../identity/certificate-manager.ts';
import type { WorkerDump } from '../messages.ts';
import type { XdsClient } from '../xds/client.ts';

interface Sources {
  readonly config: ProxyConfig;
  readonly xds: Pick<XdsClient, 'problem' | 'held'>;
  /** Ports that could not be bound, and why. */
  readonly ports: ReadonlyMap<string, string>;
  readonly certificates: Pick<CertificateManager, 'list'>;
}

/** What a proxy knows, for people: state and connections of its workers, certificates without keys. */
export function configDump(
  { config, xds, ports, certificates }: Sources,
  workers: readonly WorkerDump[],
): object {
  const [first] = workers;
  const versions = Object.entries(typeUrls).map(([name, type]) => [name, Object.fromEntries(xds.held(type))]);
  return {
    version,
    config,
    controlPlane: xds.problem === '' ? 'connected' : xds.problem,
    certificates: certificates.list(),
    ports: Object.fromEntries(ports),
    // Every worker holds the same state; each carries connections of its own.
    workloads: first?.workloads ?? [],
    services: first?.services ?? [],
    policies: first?.policies ?? [],
    intermediates: first?.intermediates ?? [],
    connections: workers.flatMap<unknown>(({ connections }) => connections),
    held: Object.fromEntries(versions) as Record<string, unknown>,
  };
}

/** Maps are shown as objects. */
export const showMaps = (_key: string, value: unknown): unknown =>
  value instanceof Map ? Object.fromEntries(value as ReadonlyMap<string, unknown>) : value;
