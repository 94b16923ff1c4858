import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { equals } from '../keys/equals.ts';
import type { Touched } from '../keys/touched.ts';

/**
 * Everything that may be sent to this cluster's proxies, before it is projected for one of them. Records are immutable,
 * and those that did not change are the very objects of before, so that encoding and comparing cost only what changed.
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
  /** By trust domain. */
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  /** By key id. */
  readonly intermediates: ReadonlyMap<string, Intermediate>;
}

type Part = keyof ClusterSnapshot;
type RecordOf<P extends Part> = ClusterSnapshot[P] extends ReadonlyMap<string, infer R> ? R : never;

/** One record of a snapshot, with the part that it is in and its name there. */
export type SnapshotRecord = {
  readonly [P in Part]: { readonly part: P; readonly name: string; readonly record: RecordOf<P> };
}[Part];

/** Of which resource type the records of a part are, or say something. */
const typeOf: Readonly<Record<Part, string>> = {
  workloads: typeUrls.address,
  services: typeUrls.address,
  withdrawn: typeUrls.address,
  authorizations: typeUrls.authorization,
  bundles: typeUrls.trustBundle,
  intermediates: typeUrls.intermediate,
};

/** The snapshot as the pipeline keeps it: its maps are changed in place. */
export class LiveSnapshot implements ClusterSnapshot {
  readonly workloads = new Map<string, Workload>();
  readonly services = new Map<string, Service>();
  readonly withdrawn = new Map<string, ReadonlySet<string>>();
  readonly authorizations = new Map<string, Authorization>();
  readonly bundles = new Map<string, TrustBundle>();
  readonly intermediates = new Map<string, Intermediate>();

  /** Replaces what one output said by what it says now; gives the resources that differ. */
  *replace(before: Iterable<SnapshotRecord>, after: Iterable<SnapshotRecord>): Iterable<Touched> {
    const gone = new Map<string, SnapshotRecord>();
    for (const one of before) gone.set(one.name, one);
    for (const one of after) {
      gone.delete(one.name);
      const held: Map<string, object> = this[one.part];
      if (equals(held.get(one.name), one.record)) continue;
      held.set(one.name, one.record);
      yield resourceOf(one);
    }
    for (const one of gone.values()) if (this[one.part].delete(one.name)) yield resourceOf(one);
  }
}

const resourceOf = ({ part, name }: SnapshotRecord): Touched => ({
  kind: 'resource',
  type: typeOf[part],
  name,
});
