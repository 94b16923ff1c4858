import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import type { ReadReport } from './proxy-report.ts';

/** One agent of a cluster that has several says who it is and what it does. */
export interface ReplicaClaim {
  /** The pod's name; `main` in files mode. */
  readonly id: string;
  /** The leader reports, and writes to the cluster's API. */
  readonly role: AgentRole;
  /** '': it does not say. */
  readonly agentVersion: string;
}

export type AgentRole = 'leader' | 'follower';

/** The replica id of an agent that is the only one of its cluster. */
export const mainReplica = 'main';

/** What one replica of an agent tells another one of a proxy that it serves, or of certificates that it has issued. */
export type Shared =
  | { readonly kind: 'opened'; readonly proxy: SharedProxy }
  | ({ readonly kind: 'holds' } & ProxyHolds)
  | { readonly kind: 'lost'; readonly proxy: string }
  /** Undefined: it reports no more. */
  | { readonly kind: 'says'; readonly proxy: string; readonly report: ReadReport | undefined }
  | { readonly kind: 'certificates'; readonly issued: readonly IssuedCertificate[] };

export interface SharedProxy {
  /** `<kind>/<namespace>/<pod>`. */
  readonly id: string;
  readonly node: string;
  readonly version: string;
  readonly upstreamVersion: string;
  /** Epoch milliseconds. */
  readonly connectedSince: number;
}

export interface ProxyHolds {
  readonly proxy: string;
  readonly type: string;
  /** It holds nothing of the type but what is named from here on. */
  readonly begins: boolean;
  readonly completed: boolean;
  /** It held workloads when it connected. */
  readonly returned: boolean;
  readonly held: readonly HeldResource[];
  readonly none: readonly string[];
}

export interface HeldResource {
  readonly name: string;
  readonly version: string;
  /** Why it has refused this version; '': it has taken it. */
  readonly refused: string;
}

export interface IssuedCertificate {
  readonly proxyUid: string;
  readonly identity: string;
  /** Epoch milliseconds. */
  readonly notAfter: number;
  readonly issuer: string;
}

/** A part of what a hub has sent to a replica. */
export interface HubStatePage {
  readonly type: string;
  readonly resources: readonly Resource[];
  /** The last page: it was everything. */
  readonly complete: boolean;
  readonly epoch: bigint;
}

/** Most that one message between replicas may have. */
export const sharedLimits = {
  /** Names of resources, certificates. */
  entries: 4096,
  nameLength: 4096,
  versionLength: 128,
} as const;
