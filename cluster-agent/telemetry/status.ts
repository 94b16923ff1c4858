import { once } from 'node:events';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { healthServer, type Check, type HealthSources } from '@isthmus/mesh/http/health-pages.ts';
import { listenError } from '@isthmus/mesh/net/listen-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import type { HubLinks } from '../link/hub-links.ts';
import type { HubStore } from '../link/hub-store.ts';
import type { ClusterRuntime } from '../runtime/cluster-runtime.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { AppliedEvent, XdsServer } from '../xds/server.ts';
import { metricsPage } from './metrics-page.ts';

export interface StatusDeps {
  readonly runtime: Pick<ClusterRuntime, 'unlisted' | 'conditions'>;
  /** Other parts that can be degraded while the agent serves, by the names of their checks. */
  readonly parts: Readonly<Record<string, () => readonly Condition[]>>;
  readonly view: Pick<ClusterView, 'synced' | 'rejections' | 'podCount'>;
  readonly hubStore: Pick<HubStore, 'complete'>;
  readonly issuer: Pick<WorkloadIssuer, 'currentUntil'>;
  readonly xds: Pick<XdsServer, 'connectedClients'>;
  readonly link: Pick<HubLinks, 'connected'>;
  readonly hubEpoch: () => bigint;
  readonly clock: Clock;
}

/** What an agent's admin port shows. It is ready without its hub, once it has heard everything of it. */
export class AgentStatus implements HealthSources {
  readonly #deps: StatusDeps;
  #signed = 0;
  /** Refused certificates by code, and what proxies refused by type. */
  readonly #refused = new Map<string, number>();
  readonly #rejected = new Map<string, number>();

  constructor(deps: StatusDeps) {
    this.#deps = deps;
  }

  signed(): void {
    this.#signed++;
  }

  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  answered({ type, rejected }: AppliedEvent): void {
    if (rejected.size > 0) this.#rejected.set(type, (this.#rejected.get(type) ?? 0) + rejected.size);
  }

  readonly readiness = (): readonly Check[] => {
    const { view, runtime, hubStore, parts } = this.#deps;
    // Without what could not be read the rest is served: of what is not listed yet `unlisted` says why.
    const degraded = view.synced ? runtime.conditions().map(textOf) : [];
    return [
      { name: 'manifests', problem: view.synced ? undefined : runtime.unlisted(), degraded },
      {
        name: 'hub-state',
        problem: hubStore.complete
          ? undefined
          : 'the first full state of the hub has not been received, so proxies get no configuration: check the link to the hub',
      },
      { name: 'intermediate', problem: this.#intermediate() },
      ...Object.entries(parts).map(([name, conditions]) => ({
        name,
        problem: undefined,
        degraded: conditions().map(textOf),
      })),
    ];
  };

  readonly metrics = (): ReturnType<HealthSources['metrics']> =>
    metricsPage({
      ...this.#deps,
      ready: this.readiness().every(({ problem }) => problem === undefined),
      signed: this.#signed,
      refused: this.#refused,
      rejected: this.#rejected,
    });

  #intermediate(): string | undefined {
    const until = this.#deps.issuer.currentUntil;
    if (until === undefined)
      return 'no intermediate is active, so no certificates are issued: the hub must sign one, and every verifier acknowledge it';
    return until <= this.#deps.clock.now()
      ? `the intermediate expired on ${new Date(until).toISOString()}: the agent must reach the hub to renew it`
      : undefined;
  }
}

const textOf = ({ message, remedy }: Condition): string => `${message}: ${remedy}`;

/** Opens the admin port until the signal aborts. Throws LISTEN_FAILED. */
export async function serveStatus(
  status: AgentStatus,
  { host, port }: ListenAddress,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const server = healthServer(status, log);
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    throw listenError(`${host}:${port}`, '--admin-listen', cause);
  }
  signal.addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
  });
}
