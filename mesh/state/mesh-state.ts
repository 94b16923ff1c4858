import type { Authorization } from '../rbac/authorization.ts';
import { EndpointSets, isRankedAlike, isUsable } from './endpoint-sets.ts';
import { PolicyStore } from './policies.ts';
import type { Service, ServiceKey } from '../records/service.ts';
import { ServiceStore } from './services.ts';
import { movedBackings, TouchedKeys, type Touched } from './touched.ts';
import type { Workload, WorkloadUid } from '../records/workload.ts';
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

  /** First what is new, then what goes. A name that does not exist is ignored. Gives back what that touched. */
  applyAddresses(upserts: readonly Address[], removed: readonly string[]): Touched {
    const touched = new TouchedKeys();
    for (const one of upserts)
      if (one.kind === 'workload') this.#insertWorkload(one.workload, touched);
      else this.#insertService(one.service, touched);
    // A name is a workload's uid first, and a service's key if no workload has it (Istio workload API).
    for (const name of removed) if (!this.#removeWorkload(name, touched)) this.#removeService(name, touched);
    // Nobody names what goes here, so it touches nothing.
    this.policies.sweep(this.#isNamed);
    return touched;
  }

  /**
   * A policy that cannot be read has a stand-in until it can be, unless an earlier version was read, which holds on.
   * A policy that is removed while workloads still name it stays in force until none does. Gives back what that touched.
   */
  applyAuthorizations(
    upserts: readonly Authorization[],
    removed: readonly string[],
    standIns: readonly StandIn[] = [],
  ): Touched {
    const touched = new TouchedKeys();
    const change = (key: string, run: () => void) => {
      const before = this.policies.get(key);
      run();
      touched.policy(before, this.policies.get(key));
    };
    for (const policy of upserts) change(policy.key, () => this.policies.insert(policy));
    for (const { key, policy } of standIns) change(key, () => this.policies.standIn(key, policy));
    for (const key of removed) change(key, () => this.policies.retire(key, this.#isNamed));
    return touched;
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

  #insertWorkload(workload: Workload, touched: TouchedKeys): void {
    const replaced = this.workloads.get(workload.uid);
    this.#changeWorkload(replaced, workload, touched, () => {
      this.workloads.insert(workload);
      if (replaced) this.endpoints.remove(replaced);
      this.endpoints.insert(workload);
    });
  }

  #removeWorkload(uid: WorkloadUid, touched: TouchedKeys): boolean {
    const removed = this.workloads.get(uid);
    if (!removed) return false;
    this.#changeWorkload(removed, undefined, touched, () => {
      this.workloads.remove(uid);
      this.endpoints.remove(removed);
    });
    return true;
  }

  #changeWorkload(
    before: Workload | undefined,
    after: Workload | undefined,
    touched: TouchedKeys,
    run: () => void,
  ): void {
    const backed = movedBackings(before, after).map(({ service, cluster }) => ({
      service,
      cluster,
      was: this.workloads.isBacked(service, { cluster }),
    }));
    run();
    touched.workload(before, after);
    for (const { service, cluster, was } of backed)
      // A service that nobody has described yet is not exported.
      if (this.workloads.isBacked(service, { cluster }) !== was)
        touched.backing(this.services.get(service)?.namespace);
  }

  #insertService(service: Service, touched: TouchedKeys): void {
    const replaced = this.services.insert(service);
    touched.service(replaced, service);
    if (replaced && !isRankedAlike(replaced, service)) this.endpoints.serviceChanged(service.key);
  }

  #removeService(key: ServiceKey, touched: TouchedKeys): void {
    const removed = this.services.remove(key);
    if (!removed) return;
    touched.service(removed, undefined);
    this.endpoints.serviceChanged(key);
  }
}

const asWorkload = (workload: Workload | undefined): Address | undefined =>
  workload && { kind: 'workload', workload };

const asService = (service: Service | undefined): Address | undefined =>
  service && { kind: 'service', service };
