/** A kind of resource: a type URL on xDS, a short word on the link. */
export type ResourceType = string;

/** One resource as it travels. `version` is a hash of `body`, so it survives restarts of either side. */
export interface Resource {
  readonly name: string;
  readonly version: string;
  readonly body: Uint8Array;
}

/** In what a consumer says that it retains: it has refused this name, and holds no version of it. */
export const noVersion = '';

/**
 * From which state of the producer a response was made (`system_version_info` of xDS): an epoch of its life, and a revision
 * within it. A response of a lower epoch than one before is dropped.
 */
export interface SystemVersion {
  readonly epoch: bigint;
  readonly revision: bigint;
}

/** Consumer to producer: a subscription, an acknowledgement (nonce alone) or a refusal (nonce and error). */
export interface DeltaRequest {
  readonly type: ResourceType;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name to version of everything retained from an earlier stream. Only on a type's first request. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /**
   * Instead of versions: the digest of everything retained, by group (`digest.ts`). Only on a type's first request, and
   * only to a producer that is known to read them. The producer asks for the versions of groups that differ (`groupsToList`),
   * which come with the answer to that response.
   */
  readonly digests?: ReadonlyMap<string, bigint>;
  readonly nonce: string;
  readonly error: string;
}

/** Producer to consumer: what changed of one type. Resources are applied before removals. */
export interface DeltaResponse {
  readonly type: ResourceType;
  readonly nonce: string;
  readonly systemVersion: SystemVersion;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** Everything there is of this type has now been sent at least once on this stream. */
  readonly complete: boolean;
  /** Groups of which the consumer is to list the versions that it retains. Nothing else is in such a response. */
  readonly groupsToList?: readonly string[];
}

/** What changed of one type, where nobody asks who sent it. Resources are applied before removals. */
export interface DeltaBatch {
  readonly type: ResourceType;
  readonly resources: readonly Pick<Resource, 'name' | 'body'>[];
  readonly removed: readonly string[];
}

/** A resource that the consumer refused; what it held under that name before, it still holds. */
export interface Rejected {
  readonly name: string;
  readonly reason: string;
  /** Something is in force in its place that lets in no more than it would: the consumer can go on without it. */
  readonly isCovered?: boolean;
}
