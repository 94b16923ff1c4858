import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { ReplicaClaim } from '@isthmus/api/domain/replica.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Agent } from '../registry/agent.ts';
import type { AgentCertificate } from './identify.ts';
import type { LinkStream, StreamKind, StreamPorts } from './stream-kind.ts';

/** Agents report their health every five seconds: one that has missed four is not there. Milliseconds. */
const silence = 20_000;
/** After a long turn of the event loop, messages may wait in the socket: they are read within this, milliseconds. */
const lastLook = 1000;

/** One stream of a link, whatever it carries. */
interface OpenStream {
  readonly stream: LinkStream<unknown>;
  end(reason: string, code: status): void;
}

interface LinkDeps {
  readonly agent: Agent;
  readonly connection: string;
  readonly certificate: AgentCertificate;
  readonly claim: ReplicaClaim;
  readonly clock: Clock;
  readonly onOver: (link: AgentLink) => void;
}

/**
 * One authenticated connection of one agent, with all its streams. It is over when one that holds it has ended, when the
 * last one has, when no message has come for 20 s, or when `end` is called: then all are ended, and `onOver` is called.
 */
export class AgentLink {
  readonly agent: Agent;
  /** Address and port of the peer. */
  readonly connection: string;
  /** What it has shown. */
  readonly certificate: AgentCertificate;
  /** Which replica it is of, and the role that this claims; it may claim another one with each stream. */
  claim: ReplicaClaim;
  /** Reports, health and answers are taken from it. */
  leads: boolean;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly #clock: Clock;
  readonly #onOver: (link: AgentLink) => void;
  readonly #streams = new Map<unknown, OpenStream>();
  #lastMessageAt = 0;
  #silence: Timer | undefined;
  #isOver = false;

  constructor({ agent, connection, certificate, claim, clock, onOver }: LinkDeps) {
    this.agent = agent;
    this.connection = connection;
    this.certificate = certificate;
    this.claim = claim;
    this.leads = claim.role === 'leader';
    this.since = clock.now();
    this.#clock = clock;
    this.#onOver = onOver;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The stream of a kind, as that kind made it. */
  stream<In, S extends LinkStream<In>>(kind: StreamKind<In, never, S>): S | undefined {
    return this.#streams.get(kind)?.stream as S | undefined;
  }

  /** Serves a call; an older stream of its kind on this link is ended. Throws what `kind.open` throws. */
  open<In, Out>(kind: StreamKind<In, Out>, call: ServerDuplexStream<In, Out>, ports: StreamPorts): void {
    const stream = kind.open(this, call, ports);
    const older = this.#streams.get(kind);
    const one = opened(stream, call, {
      onMessage: () => (this.#lastMessageAt = this.#clock.monotonic()),
      onOver: () => this.#left(kind, one),
    });
    this.#streams.set(kind, one);
    this.#lastMessageAt = this.#clock.monotonic();
    this.#silence ??= this.#lookIn(silence);
    older?.end('a newer stream of this connection has taken over', status.ABORTED);
  }

  end(reason: string, code = status.ABORTED): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#silence?.cancel();
    for (const one of [...this.#streams.values()]) one.end(reason, code);
    this.#onOver(this);
  }

  #left(kind: Pick<StreamKind<never, never>, 'holdsLink'>, one: OpenStream): void {
    if (this.#streams.get(kind) !== one) return;
    this.#streams.delete(kind);
    if (kind.holdsLink || this.#streams.size === 0) this.end('the agent has ended its link');
  }

  #lookIn(millis: number, isLast = false): Timer {
    return this.#clock.after(millis, () => {
      const left = this.#lastMessageAt + silence - this.#clock.monotonic();
      if (left > 0) this.#silence = this.#lookIn(left);
      else if (!isLast) this.#silence = this.#lookIn(lastLook, true);
      else this.end(`no message was received for ${silence} ms`, status.UNAVAILABLE);
    });
  }
}

/** Once a call is over, nothing that still arrives on it counts. */
function opened<In, Out>(
  stream: LinkStream<In>,
  call: ServerDuplexStream<In, Out>,
  { onMessage, onOver }: { readonly onMessage: () => void; readonly onOver: () => void },
): OpenStream {
  let isOver = false;
  const over = () => {
    if (isOver) return;
    isOver = true;
    stream.stop();
    onOver();
  };
  call.on('data', (message: In) => {
    if (isOver) return;
    onMessage();
    stream.hear(message);
  });
  for (const event of ['end', 'cancelled', 'error', 'close']) call.on(event, over);
  call.on('end', () => call.end());
  return {
    stream,
    end(details, code) {
      if (!isOver) call.emit('error', { code, details });
    },
  };
}
