import type { Authorization } from '../rbac/authorization.ts';
import { EndpointSets, isRankedAlike, isUsable } from './endpoint-sets.ts';
import { PolicyStore } from './policies.ts';
import type { Service, ServiceKey } from './service.ts';
import { ServiceStore } from './services.ts';
import type { Workload, WorkloadUid } from './workload.ts';
import { WorkloadStore } from './workloads.ts';

export type Address =
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'service'; readonly service: Service };

/** What is in force in place of a policy that cannot be read; nothing where it denies nothing. */
export interface StandIn {
  readonly key: string;
  readonly policy: Authorization | undefined;
}

/**
 * All that a proxy knows of the mesh. One push is applied in one synchronous step, so nobody sees half of it.
 * Lookups are those of Istio's workload API: by (network, address), by host name, by node.
 */
export class MeshState {
  readonly workloads = new WorkloadStore();
  readonly services = new ServiceStore();
  readonly policies = new PolicyStore();
  /** The same endpoints as `endpointsOf`, in sets that are kept. */
  readonly endpoints = new EndpointSets((service) => this.endpointsOf(service));

  readonly #isNamed = (policy: string): boolean => this.workloads.naming(policy).length > 0;

  /** First what is new, then what goes. A name that nobody bears is ignored. */
  applyAddresses(upserts: readonly Address[], removed: readonly string[]): void {
    for (const one of upserts)
      if (one.kind === 'workload') this.#insertWorkload(one.workload);
      else this.#insertService(one.service);
    // A name is a workload's uid first, and a service's key if no workload bears it (Istio workload API).
    for (const name of removed) if (!this.#removeWorkload(name)) this.#removeService(name);
    this.policies.sweep(this.#isNamed);
  }

  /**
   * A policy that cannot be read has a stand-in until it can be, unless an earlier version was read, which holds on.
   * A policy that is removed while workloads still name it stays in force until none does.
   */
  applyAuthorizations(
    upserts: readonly Authorization[],
    removed: readonly string[],
    standIns: readonly StandIn[] = [],
  ): void {
    for (const policy of upserts) this.policies.insert(policy);
    for (const { key, policy } of standIns) this.policies.standIn(key, policy);
    for (const key of removed) this.policies.retire(key, this.#isNamed);
  }

  /** What an address is, a workload before a VIP. `namespace` is the asking client's. */
  findAddress(network: string, address: string, namespace = ''): Address | undefined {
    return (
      asWorkload(this.workloads.atAddress(network, address)) ??
      asService(this.services.atAddress(network, address, namespace))
    );
  }

  /** What an address leads to, a VIP before a workload: where a connection goes. */
  findUpstream(network: string, address: string, namespace = ''): Address | undefined {
    return (
      asService(this.services.atAddress(network, address, namespace)) ??
      asWorkload(this.workloads.atAddress(network, address))
    );
  }

  /** Whom a gateway or waypoint means by a name in a namespace: a service before a workload. */
  findHostname(namespace: string, hostname: string): Address | undefined {
    return (
      asService(this.services.get(`${namespace}/${hostname}`)) ??
      asWorkload(this.workloads.withHostname(namespace, hostname))
    );
  }

  /** Endpoints that new connections of a service may choose among. */
  endpointsOf(service: Service): readonly Workload[] {
    const members = this.workloads.ofService(service.key);
    return members.filter((one) => isUsable(service, one));
  }

  /** Workloads of a node; of one cluster alone where names of nodes may meet (two clusters in one network). */
  localWorkloads(node: string, cluster?: string): readonly Workload[] {
    const found = this.workloads.onNode(node);
    return cluster === undefined ? found : found.filter((workload) => workload.cluster === cluster);
  }

  /** Services that members name and nobody has described yet. */
  stagedServices(): readonly ServiceKey[] {
    const named = new Set([...this.workloads.all()].flatMap(({ services }) => [...services.keys()]));
    return [...named].filter((key) => !this.services.get(key));
  }

  #insertWorkload(workload: Workload): void {
    const replaced = this.workloads.insert(workload);
    if (replaced) this.endpoints.remove(replaced);
    this.endpoints.insert(workload);
  }

  #removeWorkload(uid: WorkloadUid): boolean {
    const removed = this.workloads.remove(uid);
    if (removed) this.endpoints.remove(removed);
    return removed !== undefined;
  }

  #insertService(service: Service): void {
    const replaced = this.services.insert(service);
    if (replaced && !isRankedAlike(replaced, service)) this.endpoints.serviceChanged(service.key);
  }

  #removeService(key: ServiceKey): void {
    if (this.services.remove(key)) this.endpoints.serviceChanged(key);
  }
}

const asWorkload = (workload: Workload | undefined): Address | undefined =>
  workload && { kind: 'workload', workload };

const asService = (service: Service | undefined): Address | undefined =>
  service && { kind: 'service', service };
