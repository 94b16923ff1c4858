import {
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
  type Metadata,
  type ServerInterceptingCallInterface,
} from '@grpc/grpc-js';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { AgentError } from '../agent-error.ts';
import type { XdsCaller } from './proxy-client.ts';

export interface CallersDeps {
  /** Throws when the call proves nobody: the message goes to the caller, as UNAUTHENTICATED, and NOT_REVIEWED as UNAVAILABLE. */
  readonly authenticate: (metadata: Metadata) => XdsCaller | Promise<XdsCaller>;
  /** The caller of this call has proven who it is. */
  readonly onProven: (call: ServerInterceptingCallInterface) => void;
  readonly lines: LimitedLines;
}

/** Who calls the proxies' listener. Of whatever service, nothing is read of a call before that is known: requests may be large. */
export class Callers {
  readonly #deps: CallersDeps;
  readonly #callers = new WeakMap<Metadata, XdsCaller>();

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  /** Undefined: nobody. */
  of(metadata: Metadata): XdsCaller | undefined {
    return this.#callers.get(metadata);
  }

  /** For the listener: a call goes on once its caller is known. */
  intercept(call: ServerInterceptingCallInterface): ServerInterceptingCall {
    const { authenticate, onProven } = this.#deps;
    const onMetadata = (metadata: Metadata, next: (metadata: Metadata) => void) => {
      Promise.resolve(metadata)
        .then(authenticate)
        .then((caller) => {
          this.#callers.set(metadata, caller);
          onProven(call);
          next(metadata);
        })
        .catch((error: unknown) => this.#refuse(call, error));
    };
    const listener = new ServerListenerBuilder().withOnReceiveMetadata(onMetadata).build();
    return new ServerInterceptingCall(call, { start: (next) => next(listener) });
  }

  #refuse(call: ServerInterceptingCallInterface, error: unknown): void {
    const details = error instanceof Error ? error.message : 'not authenticated';
    const kind = error instanceof AgentError ? error.code : 'UNAUTHENTICATED';
    this.#deps.lines.warn(kind, { peer: call.getPeer(), details }, 'proxy refused');
    // Nobody knows yet: the proxy's token may be good.
    const isUnknown = kind === 'NOT_REVIEWED';
    call.sendStatus({ code: isUnknown ? status.UNAVAILABLE : status.UNAUTHENTICATED, details });
  }
}
