import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Service } from '@isthmus/mesh/state/service.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';

/**
 * Everything that may be sent to this cluster's proxies, before it is projected for one of them. Immutable; a rebuild
 * keeps the very objects that did not change, so that encoding and comparing cost only what changed.
 */
export interface ClusterSnapshot {
  readonly workloads: ReadonlyMap<string, Workload>;
  /** Without addresses: VIPs are per client in loopback mode and are added by the projection. */
  readonly services: ReadonlyMap<string, Service>;
  /**
   * Local endpoints of services that are drained to 0 % here: for the cluster's own clients these memberships are
   * left out, while gateways keep them. Workload uid to service keys.
   */
  readonly withdrawn: ReadonlyMap<string, ReadonlySet<string>>;
  readonly authorizations: ReadonlyMap<string, Authorization>;
  readonly bundles: readonly TrustBundle[];
  readonly intermediates: readonly Intermediate[];
}
