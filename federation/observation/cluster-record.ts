import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Link } from '@isthmus/api/domain/cluster.ts';
import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { EndpointGroup } from '@isthmus/api/domain/observation.ts';
import type { Rejection, RejectionCounts } from '@isthmus/api/domain/rejection.ts';
import type { Replica } from './replica.ts';
import type { Applied, Gateway, ServiceReport } from '@isthmus/api/domain/report.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';

/** One service of one cluster as its agent reports it, joined with the endpoint counts of its health report. */
export interface ObservedService extends ServiceReport {
  readonly groups: readonly EndpointGroup[];
}

/** A gateway and the name under which it was reported. */
export interface ObservedGateway extends Gateway {
  readonly name: string;
}

/** A version that an agent refused, and why. */
export interface Refusal {
  readonly type: DownType;
  readonly name: string;
  readonly version: string;
  readonly reason: string;
}

/** The name under which a refusal of a resource is kept. */
export const refusalName = (type: DownType, name: string): string => `${type}/${name}`;

/** A report that the hub did not take. What it held of that name before stays. */
export interface RejectedReport {
  /** `cluster`, `service`, `gateway`, `applied` or `health`. */
  readonly type: string;
  readonly name: string;
  readonly why: string;
  /** Epoch milliseconds of the latest rejection: an agent offers a rejected report again once a minute. */
  readonly at: number;
  /** Which limit of the cluster it exceeds; undefined: it is not well formed. */
  readonly limit: keyof ClusterLimits | undefined;
}

/** Everything that is observed of one cluster. Outside the revision sequence; has its own `asOf`. */
export interface ClusterRecord {
  readonly cluster: string;
  /** Connected: at least one replica of its agent has a link. */
  readonly link: Link;
  /** Replicas that have a link, by their ids. */
  readonly replicas: readonly Replica[];
  /** Ids of replicas that two agents claim to be. */
  readonly duplicates: readonly string[];
  /** Epoch milliseconds of the newest report in it. */
  readonly asOf: number;
  /** The agent has finished its initial sync on the link that it has now; until then nothing of it is removed anywhere. */
  readonly synced: boolean;
  /** On the link that it has now it has sent all its reports, and the health of all its services. Both: it has synced. */
  readonly listed: boolean;
  readonly counted: boolean;
  readonly agentVersion: string;
  readonly network: string;
  readonly nodes: readonly { readonly name: string; readonly region: string; readonly zone: string }[];
  readonly workloadsByMode: Readonly<Record<string, number>>;
  readonly proxiesConnected: number;
  readonly clockSkewMillis: number;
  readonly conditions: readonly Condition[];
  /** The gravest 100. */
  readonly rejections: readonly Rejection[];
  readonly rejectionCounts: RejectionCounts;
  readonly services: ReadonlyMap<ServiceKey, ObservedService>;
  /** Endpoint counts as last reported, also of services that have yet to be. */
  readonly health: ReadonlyMap<ServiceKey, readonly EndpointGroup[]>;
  /** All of `health`, healthy or not. */
  readonly endpoints: number;
  readonly gateways: ReadonlyMap<string, ObservedGateway>;
  readonly applied: ReadonlyMap<string, Applied>;
  /** What its agent could not read of what the hub sent down, by `refusalName`. */
  readonly refused: ReadonlyMap<string, Refusal>;
  /** By type and name; the first thousand. */
  readonly rejectedReports: ReadonlyMap<string, RejectedReport>;
  /** How many reports a second the hub takes of one cluster, while some wait that came faster; undefined: none wait. */
  readonly reportsDelayed: number | undefined;
}
