import type { Severity } from '@isthmus/api/domain/condition.ts';
import type { Result } from '@isthmus/mesh/result.ts';

/** Where agents reach this hub. */
export interface OutsideAddresses {
  /** host:port, as agents dial them; at least one of each. An IPv6 address is in brackets. */
  readonly link: readonly string[];
  readonly join: readonly string[];
  /** The names and addresses that the certificates of both listeners have. */
  readonly hosts: readonly string[];
  /** Host names among them that the hub cannot resolve now. */
  readonly unresolved: readonly string[];
}

/** Why it is not known where a hub is reached: what is so, and what to do. */
export interface AddressUnknown {
  readonly message: string;
  readonly remedy: string;
}

export type Whereabouts = Result<OutsideAddresses, AddressUnknown>;

/** What is wrong with where a hub is reached. */
export interface OutsideProblem extends AddressUnknown {
  readonly severity: Severity;
  /** UPPER_SNAKE, stable. */
  readonly reason: string;
  /** `<kind> <namespace>/<name>` */
  readonly object: string;
}

/** Where a hub is reached from outside, which may change while it runs. */
export interface Outside {
  readonly current: Whereabouts;
  /** What is wrong with it now. */
  problems(): readonly OutsideProblem[];
  /** Calls after each change of `current`; gives what takes the listener away. */
  onChange(listener: () => void): () => void;
}
