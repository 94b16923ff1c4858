import type { UnboundPort } from '@isthmus/api/domain/proxy-report.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { EnrolledPod } from './capture/capture.ts';
import { configDump } from './admin/config-dump.ts';
import { metricsPage } from './admin/metrics-page.ts';
import { serveAdmin } from './admin/server.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import { nodeOf, type ProxyConfig } from './configuration.ts';
import { CaClient } from './identity/ca-client.ts';
import { CertificateManager } from './identity/certificate-manager.ts';
import { Workers, type WorkerHooks, type WorkerPort } from './worker/host.ts';
import { notReady } from './readiness.ts';
import { Reporter } from './report/reporter.ts';
import { openReports } from './report/stream.ts';
import { XdsClient, type XdsClientDeps } from './xds/client.ts';

export interface ProxyDeps {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Its data workers, which have been started. */
  readonly threads: readonly WorkerPort[];
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
  const pending = new Set(['state', 'listeners', ...(config.capture === 'pods' ? ['pods'] : [])]);
  const unbound = new Map<string, NotCaptured>();
  const drained = Promise.withResolvers<void>();
  const ca = new CaClient(config, clock);
  const certificates = new CertificateManager({
    clock,
    random,
    log,
    request: (identity, csr) => ca.request(identity, csr),
    onCertificate: (credentials) => workers.tell({ kind: 'certificate', ...credentials }),
    onFailure: (identity, message) => workers.tell({ kind: 'certificate-failed', identity, message }),
    onHeld: () => reporter.news(),
  });
  const workers: Workers = new Workers(
    deps.threads,
    hooksOf(deps, { certificates, pending, unbound, drained, reporter: () => reporter }),
  );
  const reporter = reporterOf(deps, certificates, workers, unbound);
  const xds = startXds(
    deps,
    workers,
    {
      onReady: () => pending.delete('state'),
      onStream: (client, headers) => openReports(client, headers, reporter, log),
    },
    stop.signal,
  );
  if (config.capture === 'pods') void followPods(deps, workers, () => pending.delete('pods'), stop.signal);
  const admin = serveAdmin({ admin: config.adminAddress, metrics: config.metricsAddress }, log, {
    pending: () =>
      notReady({
        ...placeOf(config),
        pending,
        unbound: [...unbound.values()].map(({ place }) => place.address),
        holdsValid: certificates.holdsValid(),
      }),
    metrics: async () =>
      metricsPage(await workers.report(), {
        connected: xds.problem === '',
        policies: xds.held(typeUrls.authorization).size,
        certificates: certificates.expiries(),
      }),
    dump: async () =>
      configDump({ config, xds, ports: errorsOf(unbound), certificates }, await workers.dump()),
  });
  // The process of a drained proxy ends without waiting for clients of these ports.
  void drained.promise.then(() => admin.close());
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

const placeOf = ({ mode, capture, address }: ProxyConfig) => ({ mode, capture, address });

/** A port that some data worker could not bind. */
interface NotCaptured extends UnboundPort {
  /** For people. */
  readonly error: string;
}

const errorsOf = (unbound: ReadonlyMap<string, NotCaptured>): ReadonlyMap<string, string> =>
  new Map([...unbound].map(([place, { error }]) => [place, error]));

interface Followers {
  readonly certificates: CertificateManager;
  readonly pending: Set<string>;
  readonly unbound: Map<string, NotCaptured>;
  readonly drained: { readonly resolve: () => void };
  readonly reporter: () => Reporter;
}

/** What the control thread does when its workers say something. */
function hooksOf(
  { log, die }: ProxyDeps,
  { certificates, pending, unbound, drained, reporter }: Followers,
): WorkerHooks {
  return {
    onWant: (identity, urgent) => certificates.want(identity, urgent),
    onForget: (identity) => certificates.forget(identity),
    onRenew: (identity, chain) => certificates.renew(identity, chain),
    onListening: () => pending.delete('listeners'),
    onProblem(address, port, error, code) {
      unbound.set(`${address}:${port}`, { place: { address, port }, code, error });
      reporter().news();
      log.warn({ address, port, error }, 'a port is not captured');
    },
    onCaptured(address, port) {
      unbound.delete(`${address}:${port}`);
      reporter().news();
    },
    onCounts: () => reporter().counted(),
    onStuck(stuck) {
      pending[stuck ? 'add' : 'delete']('slots');
      if (stuck)
        log.error({}, 'all slots have been taken for 30 s and none was released: nothing new is served');
      else log.info({}, 'slots are released again');
    },
    onDrained: () => drained.resolve(),
    onDied(error) {
      log.error({ error: error.stack ?? error.message }, 'a data worker died');
      die();
    },
  };
}

const reporterOf = (
  { config, clock }: ProxyDeps,
  certificates: CertificateManager,
  { counts }: Workers,
  unbound: ReadonlyMap<string, UnboundPort>,
): Reporter =>
  new Reporter({
    clock,
    sender: { nodeId: nodeOf(config).id, startedAt: clock.now() },
    facts: () => ({
      certificates: certificates.held(),
      unbound,
      openConnections: counts.open,
      connects: counts.connects,
      destinations: counts.destinations,
      leftOut: counts.leftOut,
    }),
  });

/** What calls the C library is loaded where it is used alone. */
async function followPods(
  { config, clock, log, die }: ProxyDeps,
  workers: Workers,
  onSnapshot: () => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { followNodeAgent } = await import('./zds/follow.ts');
    const enrol = (pod: EnrolledPod) => workers.enrol(pod);
    const leave = (number: number, isAtOnce: boolean) =>
      workers.leave(number, isAtOnce ? 0 : config.drainMillis);
    await followNodeAgent({ config, clock, log, enrol, leave, onSnapshot }, signal);
  } catch (error) {
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'pods cannot be captured');
    die();
  }
}

function startXds(
  { config, clock, random, log }: ProxyDeps,
  workers: Workers,
  { onReady, onStream }: Required<Pick<XdsClientDeps, 'onReady' | 'onStream'>>,
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
    onStream,
    onReady() {
      log.info({ version }, 'state received');
      onReady();
      workers.tell({ kind: 'synced' });
    },
  });
  void xds.run(signal);
  return xds;
}
