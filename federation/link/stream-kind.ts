import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Slices } from '@isthmus/mesh/process/slices.ts';
import type { Admission } from './admission.ts';
import type { AgentLink } from './agent-link.ts';
import type { HubPorts } from './ports.ts';
import type { Interest } from './interest.ts';
import type { Rounds } from './rounds.ts';
import type { TakenReports } from './taken-reports.ts';

/** What the streams of all links share. */
export interface StreamPorts {
  readonly hub: HubPorts;
  /** What outlives the links of a cluster. */
  readonly taken: TakenReports;
  /** Which sessions a change concerns. */
  readonly interest: Interest;
  /** The order in which sessions are visited. */
  readonly rounds: Rounds;
  readonly admission: Admission;
  /** The steps of links that open. */
  readonly slices: Slices;
}

/** One stream that is open on a link. */
export interface LinkStream<In> {
  hear(message: In): void;
  /** The call has ended: write nothing more to it. Called once. */
  stop(): void;
}

/**
 * One kind of stream that agents open, under the name of its method in `linkService`. A stream that is added is one of
 * these, and one entry of `streamKinds`.
 */
export interface StreamKind<In, Out, S extends LinkStream<In> = LinkStream<In>> {
  readonly method: 'sync' | 'health' | 'answer';
  /** The link ends when its stream of this kind ends. */
  readonly holdsLink: boolean;
  /** Throws CodedError when the call is refused; nothing has changed then. */
  open(link: AgentLink, call: ServerDuplexStream<In, Out>, ports: StreamPorts): S;
}
