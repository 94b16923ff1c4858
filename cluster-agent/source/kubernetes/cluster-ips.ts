import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { KeptAllocations } from '../../kept/kept-allocations.ts';
import { parseServiceKey, type ServiceKey } from '../../keys/names.ts';
import type { Delta } from '../../publish/delta.ts';
import type { CommonAddresses } from '../../runtime/cluster-runtime.ts';
import type { RuntimeDeps } from '../../runtime/place.ts';

interface Deps extends Pick<RuntimeDeps, 'view' | 'hub'> {
  readonly allocations: Pick<KeptAllocations, 'get' | 'services' | 'want' | 'drop' | 'conditions'>;
  /** Whether this replica gives addresses back. */
  readonly leads: () => boolean;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** The address of a service that is gone is its own for so long: clients may have it from DNS, and it may come back. */
export const goneMillis = 600_000;

/**
 * Addresses of a cluster in Kubernetes: its Services have their ClusterIPs, and a service that is only elsewhere has one
 * of the reserved block, offered to proxies once it is kept.
 */
export class ClusterAddresses implements CommonAddresses {
  readonly kind = 'SHARED';
  readonly #deps: Deps;
  /** Since when services that have an address are gone, monotonic milliseconds, the longest gone first. */
  readonly #gone = new Map<ServiceKey, number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  reserved(service: ServiceKey): readonly string[] {
    const address = this.#deps.allocations.get(service);
    return address === undefined ? [] : [address];
  }

  published({ keys }: Pick<Delta, 'keys'>): void {
    for (const key of keys)
      if (key.kind === 'synced') this.#lookAtAll();
      else if (key.kind === 'service' || key.kind === 'remotes') this.#look(key.service);
  }

  /** Gives back what has been gone for long. */
  release(): void {
    const { allocations, clock, leads } = this.#deps;
    if (!leads()) return;
    const before = clock.monotonic() - goneMillis;
    for (const [service, since] of this.#gone) {
      if (since > before) return;
      this.#gone.delete(service);
      allocations.drop(service);
    }
  }

  conditions(): readonly Condition[] {
    return this.#deps.allocations.conditions();
  }

  /** What was kept before this start may be gone as well. */
  #lookAtAll(): void {
    const { hub, allocations } = this.#deps;
    for (const service of hub.remoteServices()) this.#look(service);
    for (const text of allocations.services()) {
      const service = parseServiceKey(text);
      if (service.ok) this.#look(service.value);
      else allocations.drop(text);
    }
  }

  #look(service: ServiceKey): void {
    const { view, hub, allocations, clock } = this.#deps;
    const isOnlyElsewhere = view.service(service) === undefined && hub.remotesOf(service).length > 0;
    if (isOnlyElsewhere) {
      this.#gone.delete(service);
      allocations.want(service);
    } else if (allocations.get(service) === undefined) allocations.drop(service);
    else if (!this.#gone.has(service)) this.#gone.set(service, clock.monotonic());
  }
}
