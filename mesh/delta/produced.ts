import type { SystemVersion } from './messages.ts';

/** One resource that a producer has. `body` may be a function, called only when the resource is sent. */
export interface Produced {
  readonly version: string;
  readonly body: Uint8Array | (() => Uint8Array);
}

/** A map, or several that look like one. */
export interface ProducedResources {
  get(name: string): Produced | undefined;
  keys(): Iterable<string>;
}

/** Everything that a producer has of one type, now. */
export interface ProducedType {
  readonly resources: ProducedResources;
  readonly systemVersion: SystemVersion;
  /** False while the producer itself has not finished listing: nothing is sent then, as unknown is never empty. */
  readonly complete: boolean;
}

/** A version that the consumer refused. It is not sent again until it changes. */
export interface RejectedVersion {
  readonly version: string;
  readonly reason: string;
}

/** How one response was received. */
export interface Acknowledgement {
  readonly applied: ReadonlyMap<string, string>;
  readonly removed: readonly string[];
  readonly rejected: ReadonlyMap<string, RejectedVersion>;
}
