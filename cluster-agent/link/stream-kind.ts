import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Headers } from '@isthmus/api/grpc/call.ts';
import type { HubSession } from './hub-session.ts';
import type { LinkDeps, LinkShared } from './link-deps.ts';

/** One stream that is open on a link. */
export interface LinkStream<In> {
  hear(message: In): void;
  /** The session has ended: nothing more is written. Called once. */
  stop(): void;
}

/**
 * One kind of stream that an agent opens on each of its links, under the name of its method in `linkService`. A stream
 * that is added is one of these, and one entry of `streamKinds`.
 */
export interface StreamKind<In, Out, S extends LinkStream<In> = LinkStream<In>> {
  readonly method: 'sync' | 'health' | 'answer';
  /** The hub is heard by its messages. Acknowledgements of health come also while it lets the agent wait. */
  readonly isHeard: boolean;
  headers?(deps: LinkDeps): Headers;
  open(session: HubSession, call: ClientDuplexStream<Out, In>, shared: LinkShared): S;
}
