import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import { digestsHeader, epochHeader } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import { HubError } from '../../hub-error.ts';
import type { Place } from '../admission.ts';
import type { AgentLink } from '../agent-link.ts';
import { AgentSync } from '../agent-sync.ts';
import type { LinkStream, StreamKind, StreamPorts } from '../stream-kind.ts';

type SyncCall = ServerDuplexStream<SyncMessage, SyncMessage>;

/**
 * A Sync stream from its call on. Until its turn to open has come nothing is read from it, so that flow control holds
 * what the agent says. While it opens, each message is one piece of work among those of the others that open.
 */
class SyncStream implements LinkStream<SyncMessage> {
  readonly #call: SyncCall;
  readonly #ports: StreamPorts;
  readonly #place: Place;
  /** Undefined until it is its turn to open. */
  session: AgentSync | undefined;
  #isOver = false;

  constructor(link: AgentLink, call: SyncCall, ports: StreamPorts) {
    this.#call = call;
    this.#ports = ports;
    call.pause();
    // An agent waits for it before it says what it holds.
    const headers = new Metadata();
    headers.set(digestsHeader, '1');
    call.sendMetadata(headers);
    const { hub, taken, interest, rounds } = ports;
    this.#place = ports.admission.enter(() =>
      this.#inTurn(() => {
        this.session = new AgentSync(link, call, hub, { ...taken.of(link.agent.cluster), interest, rounds });
        call.resume();
      }),
    );
  }

  hear(message: SyncMessage): void {
    if (this.#place.state === 'OPEN') return this.session?.hear(message);
    this.#call.pause();
    this.#inTurn(() => {
      this.session?.hear(message);
      if (this.session?.isWhole) this.#place.leave();
      this.#call.resume();
    });
  }

  stop(): void {
    this.#isOver = true;
    this.session?.stop();
    this.#place.leave();
  }

  #inTurn(run: () => void): void {
    this.#ports.slices.add(() => {
      if (!this.#isOver) run();
    });
  }
}

/** What a cluster must know, and what it reports. Its agent is connected as long as this stream is open. */
export const syncStream: StreamKind<SyncMessage, SyncMessage, SyncStream> = {
  method: 'sync',
  holdsLink: true,
  open(link, call, ports) {
    const { hub } = ports;
    refuseBehind(hub.snapshot().epoch, Number(call.metadata.get(epochHeader)[0] ?? 0));
    return new SyncStream(link, call, ports);
  },
};

/** An agent that has seen a later epoch would refuse everything that is sent from here. */
function refuseBehind(epoch: number, seen: number): void {
  if (!(seen > epoch)) return;
  throw new HubError(
    'FENCED',
    `this hub has epoch ${epoch} and the agent has seen ${seen}: another hub is in charge, or this one was restored from a backup; in that case start it with --epoch-above ${seen}`,
  );
}
