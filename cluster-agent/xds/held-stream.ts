import type { TypeCounts } from '@isthmus/api/domain/question.ts';
import type { SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import type { RejectedVersion } from '@isthmus/mesh/delta/produced.ts';
import type { Projection } from '../publish/audience.ts';
import type { ClientView } from './client-view.ts';

/** An address that is another one now, and its version before; undefined: there was none, or it is no workload. */
export interface Replaced {
  readonly name: string;
  readonly version: string | undefined;
}

/** What is known of one proxy's stream, at this replica of the agent or at another one. */
export interface HeldStream {
  readonly view: ClientView;
  readonly types: readonly string[];
  /** The address and port that its connection comes from; '' at another replica. */
  readonly peer: string;
  /** Epoch milliseconds. */
  readonly openedAt: number;
  /** The proxy held workloads when it connected: it lived before this stream. */
  readonly returned: boolean;
  /** Every resource of every type has been sent to the proxy once. */
  readonly complete: boolean;
  /** Responses that the proxy has yet to answer. */
  readonly unanswered: number;
  /** How many resources of each type the proxy holds, and how many it refuses. */
  readonly counts: readonly TypeCounts[];
  acknowledged(type: string, name: string): string | RejectedVersion | undefined;
  /** What the proxy has refused of a type and not taken since, by name. */
  rejected(type: string): ReadonlyMap<string, RejectedVersion>;
  /** Names of a type that the proxy has yet to acknowledge as they are now, or has refused. */
  outstanding(type: string): Iterable<string>;
  /** The first state. */
  begin(projection: Projection, systemVersion: SystemVersion): void;
  /** The projection has changed in place, and nothing has been read of it: the proxy holds the versions of before. */
  keep(replaced: readonly Replaced[]): void;
}
