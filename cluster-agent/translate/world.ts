import type {
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { ServiceKey as FederatedServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Verdict } from '../health/judge.ts';
import type { ClusterIdentity } from '../view/cluster-identity.ts';
import type { Surroundings } from '../health/surroundings.ts';
import type { Judged } from '../health/tracker.ts';
import type { PodKey, Ref, ServiceKey, WorkloadUid } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { Fold } from './derivation.ts';
import type { Distribution } from './distribution.ts';
import type { PodEndpoint } from './endpoint.ts';
import type { Part } from './part.ts';
import type { Demands } from './peer-authentications.ts';
import type { PodPolicies } from './policies.ts';
import type { SliceEndpoints } from './slices.ts';
import type { LiveSnapshot } from './snapshot.ts';

/** All that the inputs of a derivation may read. */
export interface World {
  readonly view: ClusterView;
  readonly hub: HubQueries;
  readonly facts: Facts;
  /** Outputs of derivations that come earlier. */
  readonly derived: Outputs;
}

/** What is neither an object of the cluster nor a resource of the hub. */
export interface Facts extends ClusterIdentity {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Istio's own ztunnels. */
  readonly upstreamZtunnels: ReadonlySet<string>;
  readonly health: HealthFacts;
  readonly capture: CaptureProof;
  /** Undefined: each proxy has addresses of its own for a service. */
  readonly shared?: SharedAddresses | undefined;
}

/**
 * PROXY: the proxy that serves a pod captures it itself, and its acknowledgement is the proof. ANNOTATION: a node agent, ours or
 * Istio's, which annotates the pod once it is captured.
 */
export type CaptureProof = 'PROXY' | 'ANNOTATION';

/** Addresses of services that all proxies have alike, beside the ClusterIPs of the cluster's own. */
export interface SharedAddresses {
  /** Of a service that only other clusters have: none before it was kept. */
  reserved(service: ServiceKey): readonly string[];
}

/** What proxies and certificates prove of pods. It takes the verdicts that were found. */
export interface HealthFacts extends Fold<PodKey, Judged> {
  /** Notes what it reads, for `restingOn`. */
  judge(pod: PodObject, around: Surroundings): Verdict;
  /** Pods whose last judgement read what was touched. */
  restingOn(touched: Touched): Iterable<PodKey>;
}

/** What the hub has sent, by what it is of. */
export interface HubQueries {
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  readonly intermediates: ReadonlyMap<string, Intermediate>;
  readonly members: ReadonlyMap<string, Member>;
  policies(): Iterable<CompiledPolicy>;
  /** By the name that workloads have for it. */
  policyNamed(authorization: string): CompiledPolicy | undefined;
  /** Those whose target is the pod. */
  policiesOf(pod: PodObject): readonly CompiledPolicy[];
  /** In order of the clusters' names. */
  remotesOf(service: ServiceKey): readonly RemoteService[];
  /** Services that other clusters have. */
  remoteServices(): Iterable<ServiceKey>;
  /** Gateways of other clusters. */
  gateways(): Iterable<WorkloadUid>;
  /** Remote services that name the gateway, in order of their clusters' names. */
  remotesNaming(gateway: WorkloadUid): Iterable<RemoteService>;
  trafficOf(service: ServiceKey): TrafficPolicy | undefined;
  grantOf(service: ServiceKey): ExportGrant | undefined;
  /** Services that every member may reach. */
  grantedToMembers(): Iterable<ServiceKey>;
  trafficShift(id: string): TrafficShift | undefined;
  /** Those of a service, in order of their ids. */
  trafficShiftsOf(service: Ref): readonly TrafficShift[];
}

/** Outputs of derivations and sums over them. */
export interface Outputs {
  readonly part: (pod: PodKey) => Part | undefined;
  /** How many pods take part in which way, by the name of the way. */
  readonly partCounts: () => ReadonlyMap<string, number>;
  /** Some pod has a sidecar. */
  readonly anySidecar: () => boolean;
  readonly judged: (pod: PodKey) => Judged | undefined;
  /** Of a namespace without PeerAuthentications: those of the mesh. */
  readonly demands: (namespace: string) => Demands | undefined;
  /** A PeerAuthentication as the policy that proxies enforce, by that policy's name. */
  readonly converted: (name: string) => Authorization | undefined;
  readonly policies: (pod: PodKey) => PodPolicies | undefined;
  readonly endpoint: (pod: PodKey) => PodEndpoint | undefined;
  readonly slice: (slice: string) => SliceEndpoints | undefined;
  /** The service's endpoints here, by place and transport. The same list while nothing of it changes. */
  readonly groups: (service: ServiceKey) => readonly EndpointGroup[];
  /** SPIFFE IDs of the pods behind a service, sorted. */
  readonly identities: (service: ServiceKey) => readonly string[];
  /** Endpoints of each service that has some, by namespace and name. What does not change is the very object of before. */
  readonly health: () => readonly ServiceHealth[];
  readonly healthOf: (service: FederatedServiceKey) => ServiceHealth | undefined;
  readonly distribution: (service: string) => Distribution | undefined;
  readonly snapshot: LiveSnapshot;
}
