import type { ClusterName } from '@isthmus/api/domain/names.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { Whereabouts } from '../outside/outside.ts';
import type { Indexes } from './indexes.ts';
import type { FederationSnapshot } from './snapshot.ts';

/** What was compiled last, and the revision that it was made from, which may be an earlier one than that of now. */
export interface CompiledVersions {
  readonly systemVersion: SystemVersion;
  get(type: Exclude<DownType, 'policy'>, name: string): { readonly version: string } | undefined;
  /** As clusters of a trust domain get it. */
  policy(name: string, trustDomain: TrustDomain): { readonly version: string } | undefined;
}

/**
 * What a decision is made from. Valid within one turn of the event loop: what is observed is beside the snapshot and
 * moves on, so pass values across an await, not this.
 */
export interface Now extends FederationSnapshot {
  /** One map for the life of the hub. Records are replaced, never changed. */
  readonly observed: ReadonlyMap<ClusterName, ClusterRecord>;
  /** Where agents reach this hub. */
  readonly outside: Whereabouts;
  readonly index: Indexes;
  readonly compiled: CompiledVersions;
}
