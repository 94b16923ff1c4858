import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';

/**
 * Which service has which ClusterIP. The API server gives one to a single service at a time, but the deletion of the
 * service that had it and the creation of another one come on one watch each in any order, also while kinds are listed
 * again: then two services say the same address, and the one that was created last has it.
 */
export class ClusterIps {
  /** By address: who says it, and when that service was created, epoch milliseconds. */
  readonly #claims = new Map<string, Map<ServiceKey, number>>();

  /** Addresses that the service has, in its own order. */
  of({ metadata, clusterIPs }: ServiceObject): readonly string[] {
    const key = serviceKeyOf(metadata);
    return clusterIPs.filter((address) => this.#owner(address) === key);
  }

  /** Gives the services that have other addresses now. */
  update({ before, after }: Change<ServiceObject>): ReadonlySet<ServiceKey> {
    const some = after ?? before;
    if (!some) return new Set();
    const key = serviceKeyOf(some.metadata);
    const [old, now] = [before?.clusterIPs ?? [], after?.clusterIPs ?? []];
    const had = before ? this.of(before) : [];
    const moved = new Set<ServiceKey>();
    for (const address of new Set([...old, ...now])) {
      const was = this.#owner(address);
      if (now.includes(address)) this.#claim(address, key, some.metadata.createdAt);
      else this.#release(address, key);
      const is = this.#owner(address);
      if (was !== is) for (const one of [was, is]) if (one !== undefined) moved.add(one);
    }
    // Of its own address the order counts too.
    const has = after ? this.of(after) : [];
    if (had.join() === has.join()) moved.delete(key);
    else moved.add(key);
    return moved;
  }

  #owner(address: string): ServiceKey | undefined {
    let owner: ServiceKey | undefined;
    let last = -Infinity;
    for (const [key, createdAt] of this.#claims.get(address) ?? [])
      // Of two that were created in one second the greater key has it, so that the order of reading does not decide.
      if (owner === undefined || createdAt > last || (createdAt === last && key > owner)) {
        owner = key;
        last = createdAt;
      }
    return owner;
  }

  #claim(address: string, key: ServiceKey, createdAt: number): void {
    const claims = this.#claims.get(address) ?? new Map<ServiceKey, number>();
    this.#claims.set(address, claims.set(key, createdAt));
  }

  #release(address: string, key: ServiceKey): void {
    const claims = this.#claims.get(address);
    if (claims?.delete(key) && claims.size === 0) this.#claims.delete(address);
  }
}
