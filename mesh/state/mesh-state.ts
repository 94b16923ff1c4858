import type { Authorization } from '../rbac/authorization.ts';
import { PolicyStore } from './policies.ts';
import type { Service } from './service.ts';
import { ServiceStore } from './services.ts';
import type { Workload } from './workload.ts';
import { WorkloadStore } from './workloads.ts';

export type Address = { readonly kind: 'workload'; readonly workload: Workload } | { readonly kind: 'service'; readonly service: Service };

/** All that a proxy knows of the mesh. One push is applied in one synchronous step: nobody sees half of it. */
export class MeshState {
  readonly workloads = new WorkloadStore();
  readonly services = new ServiceStore();
  readonly policies = new PolicyStore();

  applyAddresses(upserts: readonly Address[], removed: readonly string[]): void {
    for (const one of upserts)
      if (one.kind === 'workload') this.workloads.insert(one.workload);
      else this.services.insert(one.service);
    // A name is a workload's uid first, and a service's key if no workload bears it (Istio workload API).
    for (const name of removed) if (!this.workloads.remove(name)) this.services.remove(name);
  }

  applyAuthorizations(upserts: readonly Authorization[], removed: readonly string[]): void {
    for (const policy of upserts) this.policies.insert(policy);
    for (const key of removed) this.policies.remove(key);
  }

  /** What an address is, a workload before a VIP: who is at it. */
  findAddress(network: string, address: string, namespace: string): Address | undefined {
    const workload = this.workloads.atAddress(network, address);
    if (workload) return { kind: 'workload', workload };
    const service = this.services.atAddress(network, address, namespace);
    return service && { kind: 'service', service };
  }

  /** What an address leads to, a VIP before a workload: where a connection goes. */
  findUpstream(network: string, address: string, namespace: string): Address | undefined {
    const service = this.services.atAddress(network, address, namespace);
    if (service) return { kind: 'service', service };
    const workload = this.workloads.atAddress(network, address);
    return workload && { kind: 'workload', workload };
  }
}
