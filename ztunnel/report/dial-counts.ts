import {
  proxyReportLimits,
  type ConnectResult,
  type DestinationLoad,
} from '@isthmus/api/domain/proxy-report.ts';
import type { Route } from '@isthmus/mesh/decide/outbound.ts';
import { ConnectRefused } from '@isthmus/mesh/hbone/tunnel.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import type { ServiceKey } from '@isthmus/mesh/records/service.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';

/** How a dial ended. */
export type DialOutcome = 'connected' | 'unreached' | 'untrusted' | 'refused' | 'silent';

/** Which layer of a dial failed. */
export function outcomeOf(error: unknown): DialOutcome {
  if (error instanceof ConnectRefused) return 'refused';
  if (error instanceof TlsRefused) return 'untrusted';
  return error instanceof MeshError && error.code === 'SESSION_FAILED' ? 'untrusted' : 'unreached';
}

/** Counts that differ since they were last taken. */
export interface ChangedCounts {
  readonly connects: readonly ConnectResult[];
  readonly destinations: readonly DestinationLoad[];
  /** Addresses and services for which there was no room, as many times as they were counted. */
  readonly leftOut: number;
}

/**
 * What came of the dials of one data worker, by address, and what it carried, by service. Bounded: what comes when all
 * entries are taken is counted in one number.
 */
export class DialCounts {
  readonly #connects = new Map<string, Record<DialOutcome | 'lastFailureAt', number> & Place>();
  readonly #loads = new Map<ServiceKey, { requests: number; failures: number; inFlight: number }>();
  readonly #changedConnects = new Set<string>();
  readonly #changedLoads = new Set<ServiceKey>();
  #leftOut = 0;

  /** `now`: epoch milliseconds. */
  dialled(route: Route, outcome: DialOutcome, now: number): void {
    const place = placeOf(route);
    const key = `${place.kind} ${place.address} ${place.port}`;
    const known = this.#connects.get(key);
    if (!known && this.#connects.size >= proxyReportLimits.connects) {
      this.#leftOut++;
      return;
    }
    const entry = known ?? { ...place, ...noDials() };
    entry[outcome]++;
    if (outcome !== 'connected') entry.lastFailureAt = now;
    this.#connects.set(key, entry);
    this.#changedConnects.add(key);
  }

  /** A connection to a service begins. Gives the function that says how it ended, to be called once. */
  began(service: ServiceKey): (failed: boolean) => void {
    const known = this.#loads.get(service);
    if (!known && this.#loads.size >= proxyReportLimits.destinations) {
      this.#leftOut++;
      return () => undefined;
    }
    const load = known ?? { requests: 0, failures: 0, inFlight: 0 };
    this.#loads.set(service, load);
    load.requests++;
    load.inFlight++;
    this.#changedLoads.add(service);
    return (failed) => {
      load.inFlight--;
      if (failed) load.failures++;
      this.#changedLoads.add(service);
    };
  }

  /** What differs since the last call. */
  take(): ChangedCounts {
    const connects = [...this.#changedConnects].flatMap((key) => {
      const entry = this.#connects.get(key);
      if (!entry) return [];
      const { address, port, ...rest } = entry;
      return [{ ...rest, place: { address, port } }];
    });
    const destinations = [...this.#changedLoads].flatMap((service) => {
      const load = this.#loads.get(service);
      return load ? [{ service, ...load }] : [];
    });
    this.#changedConnects.clear();
    this.#changedLoads.clear();
    return { connects, destinations, leftOut: this.#leftOut };
  }
}

interface Place {
  readonly kind: ConnectResult['kind'];
  readonly address: string;
  readonly port: number;
  readonly cluster: string;
}

/** Whom a route dials first. */
function placeOf(route: Route): Place {
  switch (route.kind) {
    case 'plaintext':
    case 'hbone':
      return { kind: 'ENDPOINT', address: route.address, port: route.port, cluster: route.workload.cluster };
    case 'double-hbone': {
      const { address, port, cluster } = route.gateway;
      return { kind: 'GATEWAY', address, port, cluster };
    }
    case 'istio-mtls':
      return { kind: 'GATEWAY', address: route.address, port: route.port, cluster: route.workload.cluster };
  }
}

const noDials = (): Record<DialOutcome | 'lastFailureAt', number> => ({
  connected: 0,
  unreached: 0,
  untrusted: 0,
  refused: 0,
  silent: 0,
  lastFailureAt: 0,
});
