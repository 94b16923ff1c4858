import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { configDump } from './admin/config-dump.ts';
import { metricsPage } from './admin/metrics-page.ts';
import { serveAdmin } from './admin/server.ts';
import { nodeOf, version, type ProxyConfig } from './configuration.ts';
import { CaClient } from './identity/ca-client.ts';
import { CertificateManager } from './identity/certificate-manager.ts';
import { portOf, startThreads, Workers } from './worker/host.ts';
import { XdsClient } from './xds/client.ts';

export interface ProxyDeps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly logLevel: string;
  /** The file of the data workers' threads. */
  readonly thread: URL;
  /** A proxy that has lost a worker ends; its supervisor starts it again. */
  readonly die: () => void;
}

export interface RunningProxy {
  /** Takes nothing new; resolves when all connections have ended, or their time is over. */
  drain(): Promise<void>;
}

/** A proxy: one control thread, here, and the data workers that carry connections. */
export function startProxy(deps: ProxyDeps): RunningProxy {
  const { config, clock, random, log } = deps;
  const stop = new AbortController();
  /** Why it is not ready. */
  const pending = new Set(['state', 'listeners']);
  const ports = new Map<string, string>();
  const drained = Promise.withResolvers<void>();
  const ca = new CaClient(config, clock);
  const certificates = new CertificateManager({
    clock,
    random,
    log,
    request: (identity, csr) => ca.request(identity, csr),
    onCertificate: (credentials) => workers.tell({ kind: 'certificate', ...credentials }),
    onFailure: (identity, message) => workers.tell({ kind: 'certificate-failed', identity, message }),
  });
  const threads = startThreads(deps.thread, config, deps.logLevel);
  const workers: Workers = new Workers(threads.map(portOf), {
    onWant: (identity, urgent) => certificates.want(identity, urgent),
    onForget: (identity) => certificates.forget(identity),
    onRenew: (identity, chain) => certificates.renew(identity, chain),
    onListening: () => pending.delete('listeners'),
    onProblem(address, port, error) {
      ports.set(`${address}:${port}`, error);
      log.warn({ address, port, error }, 'a port is not captured');
    },
    onCaptured: (address, port) => ports.delete(`${address}:${port}`),
    onStuck(stuck) {
      pending[stuck ? 'add' : 'delete']('slots');
      if (stuck)
        log.error({}, 'all slots have been taken for 30 s and none was released: nothing new is served');
      else log.info({}, 'slots are released again');
    },
    onDrained: () => drained.resolve(),
    onDied(error) {
      log.error({ error: error.stack ?? error.message }, 'a data worker died');
      deps.die();
    },
  });
  const xds = startXds(deps, workers, () => pending.delete('state'), stop.signal);
  serveAdmin({ admin: config.adminAddress, metrics: config.metricsAddress }, log, {
    pending: () => [...pending, ...(lacksCertificate(config, certificates) ? ['certificate'] : [])],
    metrics: async () =>
      metricsPage(await workers.report(), {
        connected: xds.problem === '',
        policies: xds.held(typeUrls.authorization).size,
        certificates: certificates.expiries(),
      }),
    dump: async () => configDump({ config, xds, ports, certificates }, await workers.dump()),
  });
  return {
    drain() {
      log.info({ deadlineMillis: config.drainMillis }, 'draining');
      pending.add('draining');
      stop.abort(new Error('the proxy stops'));
      workers.tell({ kind: 'drain', deadlineMillis: config.drainMillis });
      return drained.promise;
    },
  };
}

/** A gateway and a sidecar have one identity, without which they serve nothing. A node's proxy has those of its pods. */
const lacksCertificate = ({ mode }: ProxyConfig, certificates: CertificateManager): boolean =>
  mode !== 'shared' && !certificates.holdsValid();

function startXds(
  { config, clock, random, log }: ProxyDeps,
  workers: Workers,
  onReady: () => void,
  signal: AbortSignal,
): XdsClient {
  const stream = {
    address: config.xdsAddress,
    rootCaFile: config.xdsRootCa,
    tokenFile: config.tokenFile,
    clusterId: config.cluster,
    node: nodeOf(config),
    types: proxyTypes,
    localAddress: config.address,
  };
  const xds = new XdsClient(stream, {
    clock,
    random,
    log,
    apply: (type, resources, removed) => workers.apply(type, resources, removed),
    onReady() {
      log.info({ version }, 'state received');
      onReady();
      workers.tell({ kind: 'synced' });
    },
  });
  void xds.run(signal);
  return xds;
}
