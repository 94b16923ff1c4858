import type { Sealing } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Health } from '../health/tracker.ts';
import type { Leadership } from '../leader/leadership.ts';
import type { Kept } from '../kept/kept.ts';
import type { PodKey, ServiceKey } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { HubResources } from '../view/hub-resources.ts';
import type { ClusterRuntime } from './cluster-runtime.ts';

/** Where an agent runs: what outlives it there, and the cluster around it. */
export interface Place {
  readonly kept: Kept;
  /** Which replica of the cluster's agent this is. */
  readonly leadership: Leadership;
  /** Before the runtime is made, and once: reads what was kept of it. */
  prepare(): Promise<void>;
  /** Shows proxies the root of the listener's certificate, PEM. */
  showRoot(root: string): void;
  readonly runtime: (deps: RuntimeDeps) => ClusterRuntime;
}

/** What a runtime is made with. */
export interface RuntimeDeps {
  readonly stateDir: string;
  readonly sealing: Sealing;
  readonly view: ClusterView;
  /** What other clusters have of services. */
  readonly hub: Pick<HubResources, 'remotesIn' | 'remotesOf' | 'remoteServices'>;
  readonly health: () => Pick<Health, 'of'>;
  /** Keys of services that proxies have; undefined before the cluster is listed. */
  readonly services: () => { has(key: string): boolean } | undefined;
  /** Whether this port can be bound is another answer now. */
  readonly onPort: (port: number) => void;
  /** A proxy has the virtual address of a service that it had waited for. */
  readonly onVips: (client: PodKey) => void;
  /** The addresses that all proxies have of a service are others now. */
  readonly onAddresses: (service: ServiceKey) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
