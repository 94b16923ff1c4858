import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { metricsPage } from './admin/metrics-page.ts';
import { serveAdmin } from './admin/server.ts';
import type { ProxyConfig } from './configuration.ts';
import { CaClient } from './identity/ca-client.ts';
import { CertificateManager } from './identity/certificate-manager.ts';
import { Workers } from './worker/host.ts';
import { XdsClient } from './xds/client.ts';

export interface ProxyDeps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly logLevel: string;
}

const version = '0.1.0';
const nodeKinds = { shared: 'ztunnel', gateway: 'router', sidecar: 'sidecar' } as const;

/** A proxy: one control thread, here, and the data workers that carry connections. */
export function startProxy({ config, clock, random, log, logLevel }: ProxyDeps, signal: AbortSignal): void {
  const pending = new Set(['state', 'listeners']);
  const problems = new Map<string, string>();
  const ca = new CaClient(config, clock);
  const certificates = new CertificateManager({
    ...{ clock, random, log, request: (identity: string, csr: string) => ca.request(identity, csr) },
    onCertificate: (credentials) => workers.tell({ kind: 'certificate', ...credentials }),
  });
  const workers: Workers = new Workers(1, config, logLevel, {
    onWant: (identity, urgent) => certificates.want(identity, urgent),
    onForget: (identity) => certificates.forget(identity),
    onListening: () => pending.delete('listeners'),
    onProblem(address, port, error) {
      problems.set(`${address}:${port}`, error);
      log.warn({ address, port, error }, 'a port is not captured');
    },
    onDied(error) {
      log.error({ error: error.stack ?? String(error) }, 'a data worker died');
      process.exit(1);
    },
  });
  const xds = new XdsClient(
    {
      address: config.xdsAddress,
      rootCaFile: config.xdsRootCa,
      tokenFile: config.tokenFile,
      clusterId: config.cluster,
      ...{ node: nodeOf(config), types: proxyTypes, localAddress: config.address },
    },
    {
      ...{ clock, random, log },
      apply: (type, resources, removed) => workers.apply(type, resources, removed),
      onReady() {
        pending.delete('state');
        workers.tell({ kind: 'synced' });
      },
    },
  );
  void xds.run(signal);
  serveAdmin(config.adminAddress, {
    pending: () => [...pending],
    metrics: async () => metricsPage(await workers.report()),
    dump: () => Promise.resolve(dump(config, xds, problems)),
  });
  signal.addEventListener('abort', () => workers.tell({ kind: 'drain', deadlineMillis: 1000 }));
}

function nodeOf(config: ProxyConfig) {
  const { namespace, podName, address, node, network, mode, cluster } = config;
  return {
    id: `${nodeKinds[mode]}~${address}~${podName}.${namespace}~${namespace}.svc.cluster.local`,
    cluster,
    metadata: {
      NAME: podName,
      NAMESPACE: namespace,
      INSTANCE_IPS: address,
      NODE_NAME: node,
      NETWORK: network,
      ISTHMUS_VERSION: version,
    },
  };
}

function dump(
  { mode, node, network, cluster }: ProxyConfig,
  xds: XdsClient,
  problems: ReadonlyMap<string, string>,
): object {
  const held = Object.fromEntries(
    Object.entries(typeUrls).map(([name, type]) => [name, Object.fromEntries(xds.held(type))]),
  );
  return {
    version,
    config: { mode, node, network, cluster },
    controlPlane: xds.problem === '' ? 'connected' : xds.problem,
    held,
    ports: Object.fromEntries(problems),
  };
}
