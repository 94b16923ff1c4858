import type { Condition } from './condition.ts';
import type { GlobalProperties } from './global-properties.ts';
import type { ServiceKey } from './names.ts';
import type { EndpointGroup, ServicePort } from './observation.ts';
import type { Rejection, RejectionCounts } from './rejection.ts';

/** What an agent tells the hub of its cluster as a whole. */
export interface ClusterReport {
  readonly agentVersion: string;
  readonly network: string;
  readonly nodes: readonly { readonly name: string; readonly region: string; readonly zone: string }[];
  /** AMBIENT, SIDECAR, NONE, GATEWAY to how many. */
  readonly workloadsByMode: Readonly<Record<string, number>>;
  readonly conditions: readonly Condition[];
  /** The gravest 100; an agent is asked for the whole list. */
  readonly rejections: readonly Rejection[];
  /** Of the whole list. */
  readonly rejectionCounts: RejectionCounts;
}

/** One service as its cluster knows it; its endpoints are counted in the health report. */
export interface ServiceReport {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly ports: readonly ServicePort[];
  /** The label istio.io/global or a ServiceExport asks for an export. */
  readonly exportRequested: boolean;
  /** SPIFFE IDs of the workloads behind it. */
  readonly subjectAltNames: readonly string[];
  readonly conditions: readonly Condition[];
  /** Absent: its agent does not know of them. */
  readonly properties?: GlobalProperties;
}

/** A gateway through which a network is entered. */
export interface Gateway {
  readonly network: string;
  readonly address: string;
  /** 0: it takes no HBONE. */
  readonly hbonePort: number;
  /** 0: it has no SNI passthrough. */
  readonly passthroughPort: number;
  readonly spiffeId: string;
  readonly region: string;
  readonly zone: string;
  readonly ready: boolean;
}

/** Whether all proxies of a cluster hold what the hub sent down. */
export interface Applied {
  /** `policy/<name>`, `intermediate/<key id>` or `diversion/<id>` (a traffic shift). */
  readonly subject: string;
  readonly version: string;
  readonly state: 'APPLIED' | 'PENDING' | 'REJECTED';
  readonly message: string;
  /** Connected proxies that it had to reach. */
  readonly proxies: number;
}

export interface ServiceHealth {
  readonly namespace: string;
  readonly name: string;
  readonly groups: readonly EndpointGroup[];
}

/**
 * Frequent; the latest wins. With `changes` the services are those that differ from an earlier report; unless it is
 * partial, they are otherwise all: one that is not there has no endpoints. Each service once.
 */
export interface HealthReport {
  /** Counts the reports of one stream, from 1. */
  readonly sequence: number;
  /** The agent's wall clock, epoch milliseconds: skew is measured and shown, never used. */
  readonly sentAt: number;
  readonly proxiesConnected: number;
  readonly workloads: number;
  readonly services: readonly ServiceHealth[];
  /**
   * It says only that the agent is there: it has not finished listing its cluster, or the counts are those that the hub
   * has acknowledged. Absent: the counts are in it.
   */
  readonly partial?: true;
  readonly changes?: HealthChanges;
  /** Services whose counts the receiver could not read, and why. A sender has none. */
  readonly unreadable: readonly UnreadableHealth[];
}

/** What a report with the counts of some services rests on. */
export interface HealthChanges {
  /** The sequence of an earlier report of the stream: everything that has changed since is in this one. */
  readonly base: number;
  /** They have no endpoints any more. */
  readonly removed: readonly ServiceKey[];
}

/** What the hub says of a health report that is not partial. */
export interface HealthAnswer {
  readonly sequence: number;
  readonly takesChanges: boolean;
  /** It does not hold what the report rests on, and has not taken it. */
  readonly isRefused: boolean;
}

export interface UnreadableHealth {
  readonly service: string;
  readonly why: string;
  /** The limit of the cluster that it exceeds; undefined: it is not well formed. */
  readonly limit: 'endpoints' | undefined;
}
