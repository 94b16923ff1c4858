import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { ResourceType } from '@isthmus/mesh/delta/messages.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { Delta } from './delta.ts';
import { serviceFor, takesAuthorization, takesTrust, workloadFor, type Audience } from './forms.ts';

/** What an audience receives: resource type to name to record. Records that did not change are the same objects. */
export type Projection = ReadonlyMap<ResourceType, ReadonlyMap<string, object>>;

/** Names whose records differ for an audience, by type: of types that have some. */
export interface ProjectedDelta {
  readonly urgent: ReadonlyMap<ResourceType, readonly string[]>;
  readonly bulk: ReadonlyMap<ResourceType, readonly string[]>;
  /** The records of addresses that were there before, by name; undefined: there was none. */
  readonly replaced: ReadonlyMap<string, object | undefined>;
}

/** The projection for one audience: made once of a whole snapshot, and changed in place by what each delta names. */
export class AudienceRecords {
  readonly #audience: Audience;
  readonly #trustBundles = new Map<string, object>();
  readonly #intermediates = new Map<string, object>();
  readonly #authorizations = new Map<string, object>();
  readonly #addresses = new Map<string, object>();
  /** How many workloads of the projection are in a service: a gateway has only services with endpoints behind it. */
  readonly #members = new Map<string, number>();
  readonly #dryRun = new Set<string>();
  #replaced = new Map<string, object | undefined>();
  readonly projection: Projection;

  constructor(audience: Audience, snapshot: ClusterSnapshot) {
    this.#audience = audience;
    this.projection = new Map<ResourceType, ReadonlyMap<string, object>>([
      [typeUrls.trustBundle, this.#trustBundles],
      [typeUrls.intermediate, this.#intermediates],
      [typeUrls.authorization, this.#authorizations],
      [typeUrls.address, this.#addresses],
    ]);
    const all = new Map([
      [typeUrls.trustBundle, new Set(snapshot.bundles.keys())],
      [typeUrls.intermediate, new Set(snapshot.intermediates.keys())],
      [typeUrls.authorization, new Set(snapshot.authorizations.keys())],
      [typeUrls.address, new Set([...snapshot.workloads.keys(), ...snapshot.services.keys()])],
    ]);
    this.#refresh(all, snapshot);
    this.#replaced.clear();
  }

  /** Costs what the delta names. */
  take({ changed, bulk }: Pick<Delta, 'changed' | 'bulk'>, snapshot: ClusterSnapshot): ProjectedDelta {
    const urgentNames = new Map<ResourceType, string[]>();
    const bulkNames = new Map<ResourceType, string[]>();
    this.#replaced = new Map();
    for (const [type, names] of this.#refresh(changed, snapshot)) {
      const [now, later] = [names.filter((name) => !bulk.has(name)), names.filter((name) => bulk.has(name))];
      if (now.length > 0) urgentNames.set(type, now);
      if (later.length > 0) bulkNames.set(type, later);
    }
    return { urgent: urgentNames, bulk: bulkNames, replaced: this.#replaced };
  }

  /** Names whose records are others now. */
  #refresh(
    changed: Delta['changed'],
    snapshot: ClusterSnapshot,
  ): ReadonlyMap<ResourceType, readonly string[]> {
    const of = (type: ResourceType) => changed.get(type) ?? new Set<string>();
    const policies = of(typeUrls.authorization);
    return new Map([
      [
        typeUrls.trustBundle,
        this.#refreshTrust(this.#trustBundles, of(typeUrls.trustBundle), snapshot.bundles),
      ],
      [
        typeUrls.intermediate,
        this.#refreshTrust(this.#intermediates, of(typeUrls.intermediate), snapshot.intermediates),
      ],
      [typeUrls.authorization, this.#refreshAuthorizations(policies, snapshot)],
      [typeUrls.address, this.#refreshAddresses(of(typeUrls.address), policies, snapshot)],
    ]);
  }

  #refreshTrust(
    held: Map<string, object>,
    names: ReadonlySet<string>,
    records: ReadonlyMap<string, object>,
  ): readonly string[] {
    if (!takesTrust(this.#audience)) return [];
    return [...names].filter((name) => set(held, name, records.get(name)));
  }

  #refreshAuthorizations(names: ReadonlySet<string>, { authorizations }: ClusterSnapshot): readonly string[] {
    return [...names].filter((name) => {
      const one = authorizations.get(name);
      const isTaken = one !== undefined && takesAuthorization(this.#audience, one);
      return set(this.#authorizations, name, isTaken ? one : undefined);
    });
  }

  #refreshAddresses(
    names: ReadonlySet<string>,
    policies: ReadonlySet<string>,
    snapshot: ClusterSnapshot,
  ): readonly string[] {
    const changed: string[] = [];
    const services = new Set<string>();
    for (const name of this.#withDryRun(names, policies, snapshot)) {
      const workload = snapshot.workloads.get(name);
      if (!workload && !this.#isWorkload(name)) services.add(name);
      else if (this.#refreshWorkload(name, workload, snapshot, services)) changed.push(name);
    }
    for (const key of services) if (this.#refreshService(key, snapshot)) changed.push(key);
    return changed;
  }

  #isWorkload(name: string): boolean {
    const held = this.#addresses.get(name);
    return held !== undefined && 'uid' in held;
  }

  /** `services` gets the keys of services that a gateway comes to have, or has no longer. */
  #refreshWorkload(
    uid: string,
    workload: Workload | undefined,
    snapshot: ClusterSnapshot,
    services: Set<string>,
  ): boolean {
    const before = this.#addresses.get(uid) as Workload | undefined;
    const after = workload && workloadFor(this.#audience, workload, snapshot);
    if (!this.#setAddress(uid, after)) return false;
    if (this.#audience === 'gateway') {
      for (const key of after?.services.keys() ?? []) if (this.#count(key, 1) === 1) services.add(key);
      for (const key of before?.services.keys() ?? []) if (this.#count(key, -1) === 0) services.add(key);
    }
    return true;
  }

  #count(key: string, by: number): number {
    const count = (this.#members.get(key) ?? 0) + by;
    if (count === 0) this.#members.delete(key);
    else this.#members.set(key, count);
    return count;
  }

  #refreshService(key: string, { services }: ClusterSnapshot): boolean {
    const service = this.#audience !== 'gateway' || this.#members.has(key) ? services.get(key) : undefined;
    return this.#setAddress(key, service && serviceFor(this.#audience, service));
  }

  #setAddress(name: string, record: object | undefined): boolean {
    const before = this.#addresses.get(name);
    if (!set(this.#addresses, name, record)) return false;
    this.#replaced.set(name, before);
    return true;
  }

  /**
   * Istio's own proxies get workloads that name no policy in a dry run. Whether one is in a dry run changes rarely: then
   * all workloads are visited.
   */
  #withDryRun(
    names: ReadonlySet<string>,
    policies: ReadonlySet<string>,
    { workloads, authorizations }: ClusterSnapshot,
  ): ReadonlySet<string> {
    if (this.#audience !== 'upstream') return names;
    const flipped = new Set(
      [...policies].filter((key) => this.#flipped(key, authorizations.get(key)?.dryRun)),
    );
    if (flipped.size === 0) return names;
    const naming = [...workloads.values()].filter(({ authorizationPolicies }) =>
      authorizationPolicies.some((key) => flipped.has(key)),
    );
    return new Set([...names, ...naming.map(({ uid }) => uid)]);
  }

  #flipped(key: string, dryRun = false): boolean {
    const was = this.#dryRun.has(key);
    if (dryRun) this.#dryRun.add(key);
    else this.#dryRun.delete(key);
    return was !== dryRun;
  }
}

/** True when it is another record than before. */
function set(held: Map<string, object>, name: string, record: object | undefined): boolean {
  if (held.get(name) === record) return false;
  if (record) held.set(name, record);
  else held.delete(name);
  return true;
}
