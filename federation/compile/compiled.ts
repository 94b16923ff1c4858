import type { DownType } from '@isthmus/api/wire/link.ts';
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

/** Names by type. */
export type Names = ReadonlyMap<DownType, ReadonlySet<string>>;

export interface CatalogChange {
  readonly type: DownType;
  readonly name: string;
  readonly before: Compiled | undefined;
  readonly after: Compiled | undefined;
}

/** A cluster begins or ceases to have a service to itself. */
export interface AloneFlip {
  readonly cluster: string;
  readonly service: string;
  readonly isAlone: boolean;
  /** What others export under that name and what the same update has not changed otherwise. */
  readonly remotes: readonly Compiled[];
}

export interface CatalogUpdate {
  readonly compiled: readonly CatalogChange[];
  readonly flips: readonly AloneFlip[];
}
