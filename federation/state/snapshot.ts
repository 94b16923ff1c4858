import type { AccessPolicy } from '@isthmus/api/domain/access-policy.ts';
import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Failover } from '@isthmus/api/domain/failover.ts';
import type { JoinToken } from '@isthmus/api/domain/join-token.ts';
import type { Operation } from '@isthmus/api/domain/operation.ts';
import type { ExportApproval, ExportMode } from '@isthmus/api/domain/export-approval.ts';
import type { ServiceExport } from '@isthmus/api/domain/service-export.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import type {
  AdminTokenRecord,
  IntermediateRecord,
  LinkCaRecord,
  TrustDomainRecord,
} from '@isthmus/api/domain/trust.ts';
import type { Epoch, Revision, Stored } from '../store/store.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** Intent by kind and id, at one revision. */
export interface IntentState {
  readonly revision: Revision;
  readonly clusters: ReadonlyMap<string, Stored<Cluster>>;
  readonly joinTokens: ReadonlyMap<string, Stored<JoinToken>>;
  readonly accessPolicies: ReadonlyMap<string, Stored<AccessPolicy>>;
  readonly trafficPolicies: ReadonlyMap<string, Stored<TrafficPolicy>>;
  readonly serviceExports: ReadonlyMap<string, Stored<ServiceExport>>;
  readonly exportApprovals: ReadonlyMap<string, Stored<ExportApproval>>;
  readonly failovers: ReadonlyMap<string, Stored<Failover>>;
  readonly operations: ReadonlyMap<string, Stored<Operation>>;
  readonly trustDomains: ReadonlyMap<string, Stored<TrustDomainRecord>>;
  readonly intermediates: ReadonlyMap<string, Stored<IntermediateRecord>>;
  readonly linkCas: ReadonlyMap<string, Stored<LinkCaRecord>>;
  readonly adminTokens: ReadonlyMap<string, Stored<AdminTokenRecord>>;
}

/** What is stored, at one revision, and what never changes. Immutable. What is observed is beside it: `Now`. */
export interface FederationSnapshot {
  readonly epoch: Epoch;
  readonly settings: Settings;
  readonly intent: IntentState;
}

export interface Settings {
  readonly hubId: string;
  readonly trustDomain: TrustDomain;
  /** SHA-256 of the link CA's DER, hex: what join tokens pin. */
  readonly linkCaHash: string;
  /** The label `istio.io/global` or a ServiceExport alone is request and permission (the sandbox turns it on). */
  readonly exportByLabel: boolean;
  readonly exports: ExportMode;
}
