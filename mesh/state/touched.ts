import type { Authorization } from '../rbac/authorization.ts';
import { scopeOf } from './policies.ts';
import type { Service, ServiceKey } from '../records/service.ts';
import type { Workload, WorkloadUid } from '../records/workload.ts';

/**
 * Which keys a batch of changes touched: those of which a field differs that a verdict, a listener or a waiter reads.
 * What depends on none of them is as it was.
 */
export interface Touched {
  /** Workloads that came, went, or are not judged alike. */
  readonly workloads: ReadonlySet<WorkloadUid>;
  /** IP addresses that others have now, or whose owners are of another network or are gateways now. */
  readonly sources: ReadonlySet<string>;
  /** Keys of policies, stand-ins included: a workload may name any. */
  readonly policies: ReadonlySet<string>;
  /** Namespaces whose unnamed policies changed; '' is the whole mesh. */
  readonly scopes: ReadonlySet<string>;
  /** Services that clients have left in other clusters than before. */
  readonly left: ReadonlySet<ServiceKey>;
  /** Services that came, went, or whose export, grant or ports differ. */
  readonly granted: ReadonlySet<ServiceKey>;
  /** Namespaces of `granted`, and of services that began or ceased to be backed in a cluster. */
  readonly exports: ReadonlySet<string>;
  /** Nodes of which a workload differs in anything. */
  readonly nodes: ReadonlySet<string>;
  /** Services whose addresses or ports differ. */
  readonly virtual: ReadonlySet<ServiceKey>;
}

/** Gathers what the changes of one batch touch. What changes twice is compared at each change. */
export class TouchedKeys implements Touched {
  readonly workloads = new Set<WorkloadUid>();
  readonly sources = new Set<string>();
  readonly policies = new Set<string>();
  readonly scopes = new Set<string>();
  readonly left = new Set<ServiceKey>();
  readonly granted = new Set<ServiceKey>();
  readonly exports = new Set<string>();
  readonly nodes = new Set<string>();
  readonly virtual = new Set<ServiceKey>();

  /** One of both is there. */
  workload(before: Workload | undefined, after: Workload | undefined): void {
    const one = after ?? before;
    if (!one) return;
    if (!before || !after || !isJudgedAlike(before, after)) this.workloads.add(one.uid);
    for (const address of movedAddresses(before, after)) this.sources.add(address);
    for (const { node } of [before ?? one, after ?? one]) if (node !== '') this.nodes.add(node);
  }

  service(before: Service | undefined, after: Service | undefined): void {
    const one = after ?? before;
    if (!one) return;
    const { key, namespace } = one;
    if (!areAlike(before?.leftClusters ?? [], after?.leftClusters ?? [])) this.left.add(key);
    if (!isEqual([before?.ports, before?.addresses], [after?.ports, after?.addresses])) this.virtual.add(key);
    if (before && after && isGrantedAlike(before, after)) return;
    this.granted.add(key);
    this.exports.add(namespace);
  }

  /** A service of that namespace began or ceased to be backed in a cluster. */
  backing(namespace: string | undefined): void {
    if (namespace !== undefined) this.exports.add(namespace);
  }

  policy(before: Authorization | undefined, after: Authorization | undefined): void {
    if (before === after) return;
    for (const policy of [before, after]) {
      if (!policy) continue;
      this.policies.add(policy.key);
      const scope = scopeOf(policy);
      if (scope !== undefined) this.scopes.add(scope);
    }
  }
}

/** Nothing that `judgeArrival` reads of a destination differs. Its health and its capacity are no part of that. */
function isJudgedAlike(one: Workload, other: Workload): boolean {
  return (
    one.strict === other.strict &&
    one.network === other.network &&
    one.cluster === other.cluster &&
    one.namespace === other.namespace &&
    areAlike(one.authorizationPolicies, other.authorizationPolicies) &&
    isEqual([...one.services], [...other.services])
  );
}

const isGrantedAlike = (one: Service, other: Service): boolean =>
  one.exported === other.exported &&
  areAlike(one.grantedClusters, other.grantedClusters) &&
  isEqual(one.ports, other.ports);

/** Addresses of which `plaintextRefusal` may read something else. */
function movedAddresses(before: Workload | undefined, after: Workload | undefined): Iterable<string> {
  const [was, is] = [before?.addresses ?? [], after?.addresses ?? []];
  const isSameBearer =
    before?.network === after?.network &&
    before?.hostNetwork === after?.hostNetwork &&
    before?.eastWestGateway === after?.eastWestGateway;
  if (!isSameBearer) return [...was, ...is];
  return [...was.filter((one) => !is.includes(one)), ...is.filter((one) => !was.includes(one))];
}

/** A backing of a service that a change of a workload took away or brought. */
export interface Backing {
  readonly service: ServiceKey;
  readonly cluster: string;
}

/** What a workload backed before and does not back after, and the other way round. */
export function movedBackings(before: Workload | undefined, after: Workload | undefined): readonly Backing[] {
  const lacks = (other: Workload | undefined, key: ServiceKey, cluster: string) =>
    other?.cluster !== cluster || !other.services.has(key);
  const ofOne = (one: Workload | undefined, other: Workload | undefined): readonly Backing[] =>
    one
      ? [...one.services.keys()]
          .filter((key) => lacks(other, key, one.cluster))
          .map((service) => ({ service, cluster: one.cluster }))
      : [];
  return [...ofOne(before, after), ...ofOne(after, before)];
}

const areAlike = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, i) => value === other[i]);

/** Of plain values alone: lists of ports, addresses and mappings. */
const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
