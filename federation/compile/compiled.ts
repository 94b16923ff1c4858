import type { DownType } from '@isthmus/api/wire/link.ts';
import type { ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Audience } from './audience.ts';

/** A resource that goes down the link, encoded and hashed once for all receivers. */
export interface Compiled {
  readonly type: DownType;
  /** As it travels. */
  readonly name: string;
  readonly body: Uint8Array;
  /** A hash of the body. */
  readonly version: string;
  /** Of name and version, for digests. */
  readonly mark: bigint;
  readonly audience: Audience;
}

/** Types of which one resource goes to the clusters of every trust domain. Policies are compiled for each. */
export type SharedType = Exclude<DownType, 'policy'>;

/** What one receiver gets of a type. */
export interface CompiledView extends ProducedResources {
  get(name: string): Compiled | undefined;
}

/** Names by type. */
export type Names = ReadonlyMap<DownType, ReadonlySet<string>>;

export interface CatalogChange {
  readonly type: DownType;
  readonly name: string;
  /** Of policies: whose receivers it is for. Undefined: those of any trust domain. */
  readonly trustDomain: TrustDomain | undefined;
  readonly before: Compiled | undefined;
  readonly after: Compiled | undefined;
}

export interface CatalogUpdate {
  readonly compiled: readonly CatalogChange[];
}
