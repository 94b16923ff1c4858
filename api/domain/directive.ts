import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { GlobalProperties } from './global-properties.ts';
import type { ServiceKey } from './names.ts';
import type { EndpointGroup, ServicePort } from './observation.ts';
import type { Gateway } from './report.ts';

/** A hub's access policy as one cluster gets it: ready for its proxies, with the selector that says whose it is. */
export interface CompiledPolicy {
  readonly name: string;
  /** The store's revision that last wrote the policy. */
  readonly revision: number;
  readonly target: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly authorization: Authorization;
}

/** A drain or an executed failover: a share of new connections leaves a cluster. */
export interface TrafficShift {
  readonly id: string;
  /** The cluster that is left. */
  readonly cluster: string;
  /** 0 to 100. */
  readonly percent: number;
  /** Empty: every service. */
  readonly services: readonly ServiceKey[];
  /** Only clients of other clusters move. */
  readonly remoteOnly: boolean;
  /** Epoch milliseconds at which connections that are still open end; undefined: they end themselves. */
  readonly deadline: number | undefined;
}

/** Where the hub is reached. */
export interface HubAddress {
  /** host:port of the link of each replica of the hub, or of each way to it. */
  readonly linkEndpoints: readonly string[];
}

/** A cluster that is a member of the federation now. */
export interface Member {
  readonly cluster: string;
}

/** A service of the receiving cluster that may be reached from elsewhere, and from where. */
export interface ExportGrant {
  readonly namespace: string;
  readonly name: string;
  readonly clusters: readonly string[];
  /** Also from every member. Absent: only from the clusters that are named. */
  readonly members?: true;
}

/** One exported service of one other cluster. */
export interface RemoteService {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly ports: readonly ServicePort[];
  readonly subjectAltNames: readonly string[];
  readonly groups: readonly EndpointGroup[];
  readonly gateways: readonly Gateway[];
  /** Absent: the hub or the agent of that cluster does not know of them. */
  readonly properties?: GlobalProperties;
}

/** Every verifier has acknowledged this intermediate: it may sign. */
export interface Activation {
  readonly keyId: string;
}
