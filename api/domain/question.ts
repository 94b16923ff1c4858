import type { ConnectResult, DestinationLoad, HeldCertificate, UnboundPort } from './proxy-report.ts';
import type { Severity } from './condition.ts';
import type { Rejection } from './rejection.ts';

/** One page of a cluster's workloads, ordered by uid. */
export interface WorkloadsQuestion {
  readonly kind: 'workloads';
  /** '' for every namespace. */
  readonly namespace: string;
  /** Those that have all of these. */
  readonly labels: Readonly<Record<string, string>>;
  readonly first: number;
  /** Uid after which to begin, or ''. */
  readonly after: string;
}

/** Whether a workload can be reached as an endpoint. */
export interface WorkloadHealth {
  readonly healthy: boolean;
  /**
   * The first thing on the way to it that has not proven that it works: PROXY_MISSING; '' when it is healthy. NOT_CAPTURED: it
   * is reached, but only in plaintext, as nobody captures its traffic.
   */
  readonly reason: string;
  /** Why, in words; '' without a reason. */
  readonly message: string;
  readonly remedy: string;
  /** It rests on what was last known. */
  readonly stale: boolean;
}

export interface WorkloadSummary {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly serviceAccount: string;
  readonly spiffeId: string;
  readonly addresses: readonly string[];
  readonly mode: 'AMBIENT' | 'SIDECAR' | 'NONE' | 'GATEWAY';
  readonly ready: boolean;
  /** Service keys, `<namespace>/<hostname>`. */
  readonly services: readonly string[];
  readonly policies: readonly string[];
  /** An ALLOW selects it: connections that no ALLOW permits are denied. */
  readonly deniesByDefault: boolean;
  /** undefined: its agent is older than this field. */
  readonly health: WorkloadHealth | undefined;
}

export interface WorkloadsAnswer {
  readonly kind: 'workloads';
  readonly workloads: readonly WorkloadSummary[];
  readonly total: number;
  readonly hasNext: boolean;
}

/** One page of what a cluster's manifests say and Isthmus does not do, gravest first. */
export interface RejectionsQuestion {
  readonly kind: 'rejections';
  /** '' for all. */
  readonly severity: Severity | '';
  readonly first: number;
  /** Place after which to begin (`placeOfRejection`), or ''. */
  readonly after: string;
}

export interface RejectionsAnswer {
  readonly kind: 'rejections';
  readonly rejections: readonly Rejection[];
  readonly total: number;
  readonly hasNext: boolean;
}

/** What names a proxy in its cluster, and what proxies are ordered by: `<kind>/<namespace>/<pod>`. */
export const proxyOrder = (proxy: {
  readonly kind: string;
  readonly namespace: string;
  readonly pod: string;
}): string => `${proxy.kind}/${proxy.namespace}/${proxy.pod}`;

/** One page of a cluster's connected proxies, in the order of `proxyOrder`. */
export interface ProxiesQuestion {
  readonly kind: 'proxies';
  readonly first: number;
  /** `proxyOrder` of the one after which to begin, or ''. */
  readonly after: string;
}

/** Resources of one type at one proxy. */
export interface TypeCounts {
  readonly type: string;
  readonly acknowledged: number;
  readonly rejected: number;
}

export interface ProxyCertificate extends HeldCertificate {
  /** This agent issued it; the proxy itself has not reported it, so serial and issuer are ''. */
  readonly issued: boolean;
}

/** What a proxy reports on itself. */
export interface ProxySelf {
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly openConnections: number;
  readonly unbound: readonly UnboundPort[];
  readonly connects: readonly ConnectResult[];
  readonly destinations: readonly DestinationLoad[];
  /** Entries that it left out, as they were too many. */
  readonly leftOut: number;
  /** Entries of its reports that the agent refused, and the latest of them. */
  readonly refused: number;
  readonly refusedLast: string;
}

export interface ProxySummary {
  readonly kind: 'ztunnel' | 'router' | 'sidecar' | 'waypoint';
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
  /** '': it says none. */
  readonly version: string;
  /** Istio's own. */
  readonly upstream: boolean;
  /** Epoch milliseconds. */
  readonly connectedSince: number;
  /** It has received everything once. */
  readonly complete: boolean;
  readonly types: readonly TypeCounts[];
  readonly certificates: readonly ProxyCertificate[];
  /** undefined: it does not report on itself. */
  readonly self: ProxySelf | undefined;
}

export interface ProxiesAnswer {
  readonly kind: 'proxies';
  readonly proxies: readonly ProxySummary[];
  readonly total: number;
  readonly hasNext: boolean;
}

/** What names a security policy in its cluster, and what these are ordered by: `<kind>/<namespace>/<name>`. */
export const policyOrder = (policy: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string => `${policy.kind}/${policy.namespace}/${policy.name}`;

/** One page of a cluster's own security policies, in the order of `policyOrder`. */
export interface PoliciesQuestion {
  readonly kind: 'policies';
  /** '' for every namespace. */
  readonly namespace: string;
  readonly first: number;
  /** `policyOrder` of the one after which to begin, or ''. */
  readonly after: string;
}

/** What a condition in the status of an object says. */
export interface PolicyVerdict {
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

export interface PolicySummary {
  readonly kind: 'AuthorizationPolicy' | 'PeerAuthentication';
  readonly namespace: string;
  readonly name: string;
  /** ALLOW, DENY or AUDIT of an AuthorizationPolicy, the mode of a PeerAuthentication; '': no form of it could be read. */
  readonly action: string;
  /** Labels of the workloads that it selects; none: all of its namespace. */
  readonly selector: Readonly<Record<string, string>>;
  readonly accepted: PolicyVerdict;
  readonly enforced: PolicyVerdict;
}

export interface PoliciesAnswer {
  readonly kind: 'policies';
  readonly policies: readonly PolicySummary[];
  readonly total: number;
  readonly hasNext: boolean;
}

/** What the hub asks an agent when someone looks; the kinds grow. */
export type Ask = WorkloadsQuestion | RejectionsQuestion | ProxiesQuestion | PoliciesQuestion;
export type Answer = WorkloadsAnswer | RejectionsAnswer | ProxiesAnswer | PoliciesAnswer;
export type AnswerTo<A extends Ask> = Extract<Answer, { readonly kind: A['kind'] }>;

/** Asks the agent of a cluster. Rejects with a CodedError, such as CLUSTER_UNREACHABLE. */
export type AskAgent = <A extends Ask>(cluster: string, ask: A) => Promise<AnswerTo<A>>;

export interface Question {
  readonly id: string;
  readonly deadlineMillis: number;
  readonly ask: Ask;
}

export type Reply =
  | { readonly id: string; readonly kind: 'answer'; readonly answer: Answer }
  | { readonly id: string; readonly kind: 'error'; readonly message: string };
