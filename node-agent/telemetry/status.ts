import { once } from 'node:events';
import { Gauge, Registry } from 'prom-client';
import { healthServer, type Check, type HealthSources } from '@isthmus/mesh/http/health-pages.ts';
import { listenError } from '@isthmus/mesh/net/listen-error.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';

/** What a node agent's admin port shows, as it is when it is asked. */
export interface Facts {
  readonly synced: boolean;
  readonly apiTrouble: string | undefined;
  readonly letsProxiesIn: boolean;
  readonly proxies: number;
  readonly captured: number;
  readonly wanted: number;
  /** Why pods are not captured, by `<namespace>/<name>`. */
  readonly problems: ReadonlyMap<string, string>;
  readonly probeProblem: string | undefined;
  readonly annotationProblem: string | undefined;
  readonly pluginProblem: string | undefined;
}

/** Lines of one page. */
const maxProblems = 20;

const some = (...all: readonly (string | undefined)[]): readonly string[] => all.flatMap((one) => one ?? []);

/** It is ready once proxies may connect: what is wrong with single pods, or waits for a proxy, is shown beside it. */
export function readinessOf(facts: Facts): readonly Check[] {
  const pods = [...facts.problems]
    .slice(0, maxProblems)
    .map(([pod, why]) => `${pod} is not captured: ${why}`);
  const noProxy =
    facts.proxies === 0
      ? 'no proxy is connected, so nothing new is captured: look at ztunnel on this node'
      : undefined;
  return [
    {
      name: 'api',
      problem: facts.synced
        ? undefined
        : `pods and namespaces are not listed yet${facts.apiTrouble === undefined ? '' : `: ${facts.apiTrouble}`}`,
      degraded: facts.synced ? some(facts.apiTrouble) : [],
    },
    {
      name: 'zds',
      problem: facts.letsProxiesIn ? undefined : 'what was enrolled before is not recovered yet',
      degraded: some(noProxy),
    },
    { name: 'pods', problem: undefined, degraded: pods },
    { name: 'probes', problem: undefined, degraded: some(facts.probeProblem) },
    { name: 'annotations', problem: undefined, degraded: some(facts.annotationProblem) },
    { name: 'plugin', problem: undefined, degraded: some(facts.pluginProblem) },
  ];
}

/** In Prometheus' text format. */
export async function metricsOf(facts: Facts): ReturnType<HealthSources['metrics']> {
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `isthmus_node_agent_${name}`, help, registers: [registry] }).set(value);
  const isReady = readinessOf(facts).every(({ problem }) => problem === undefined);
  gauge('ready', '1 when /readyz answers 200', Number(isReady));
  gauge('proxies_connected', 'Proxies that have said hello', facts.proxies);
  gauge('pods_wanted', 'Pods of this node that are to be captured', facts.wanted);
  gauge('pods_captured', 'Pods in which proxies listen and whose rules were read back', facts.captured);
  gauge('pods_failing', 'Pods that are to be captured and are not, with a reason', facts.problems.size);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

/** Opens the admin port until the signal aborts. LISTEN_FAILED. */
export async function serveStatus(
  facts: () => Facts,
  { host, port }: ListenAddress,
  log: Log,
  signal: AbortSignal,
): Promise<number> {
  const sources: HealthSources = {
    readiness: () => readinessOf(facts()),
    metrics: () => metricsOf(facts()),
  };
  const server = healthServer(sources, log);
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    throw listenError(`${host}:${port}`, '--admin-listen', cause);
  }
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}
