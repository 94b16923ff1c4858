import type { Client, ClientDuplexStream, MethodDefinition } from '@grpc/grpc-js';
import { openStream, type Headers } from '@isthmus/api/grpc/call.ts';
import { agentVersionHeader, linkService, replicaHeader, roleHeader } from '@isthmus/api/grpc/services.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import type { LinkShared } from './link-deps.ts';
import type { LinkStream, StreamKind } from './stream-kind.ts';
import { streamKinds } from './streams/stream-kinds.ts';
import { syncStream } from './streams/sync.ts';

interface OpenStream {
  readonly stream: LinkStream<unknown>;
  readonly call: ClientDuplexStream<unknown, unknown>;
}

/** What becomes of a session. */
export interface SessionEvents {
  /** The first message of the hub has come. */
  onHeard(): void;
  onEnd(why: string): void;
}

/** The streams of one connection: they live and die together. */
export class HubSession {
  readonly #events: SessionEvents;
  readonly #streams = new Map<unknown, OpenStream>();
  /** Whether this replica led when the streams were opened: only then does the hub ask for reports on them. */
  readonly leads: boolean;
  #heard = false;
  #over = false;

  /** `takesView`: the hub's view is asked for at once. */
  constructor(client: Client, shared: LinkShared, takesView: boolean, events: SessionEvents) {
    this.#events = events;
    this.leads = shared.deps.replica.leads();
    for (const kind of streamKinds) this.#open(kind, client, shared);
    if (takesView) this.stream(syncStream)?.takeView();
  }

  /** The hub has said something. */
  get heard(): boolean {
    return this.#heard;
  }

  /** The stream of a kind, as that kind made it. */
  stream<In, S extends LinkStream<In>>(kind: StreamKind<In, never, S>): S | undefined {
    return this.#streams.get(kind)?.stream as S | undefined;
  }

  end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    for (const { stream, call } of this.#streams.values()) {
      stream.stop();
      call.cancel();
    }
    this.#events.onEnd(why);
  }

  #whoCalls({ deps: { replica } }: LinkShared): Headers {
    return {
      [replicaHeader]: replica.id,
      [roleHeader]: this.leads ? 'leader' : 'follower',
      [agentVersionHeader]: version,
    };
  }

  #open(kind: StreamKind<unknown, unknown>, client: Client, shared: LinkShared): void {
    // Sound, as a kind is declared with the messages of its method.
    const method = linkService[kind.method] as MethodDefinition<unknown, unknown>;
    const call = openStream(client, method, { ...this.#whoCalls(shared), ...kind.headers?.(shared.deps) });
    const stream = kind.open(this, call, shared);
    this.#streams.set(kind, { stream, call });
    call.on('error', (error: Error) => this.end(error.message));
    call.on('end', () => this.end('the hub ended the stream'));
    call.on('data', (message: unknown) => this.#hear(kind, stream, message));
  }

  #hear(
    { isHeard }: Pick<StreamKind<never, never>, 'isHeard'>,
    stream: LinkStream<unknown>,
    message: unknown,
  ) {
    if (this.#over) return;
    const isFirst = isHeard && !this.#heard;
    this.#heard ||= isHeard;
    stream.hear(message);
    if (isFirst) this.#events.onHeard();
  }
}
