import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import {
  awaitedDownTypes,
  downTypes,
  upTypes,
  type DownType,
  type SyncMessage,
} from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Acknowledgement } from '@isthmus/mesh/delta/produced.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import type { Receiver } from '../compile/audience.ts';
import type { CatalogUpdate } from '../compile/compiled.ts';
import { differences, withFlips } from '../compile/differences.ts';
import { Reads } from '../state/reads.ts';
import { withListing } from '../observation/record-steps.ts';
import { isHeld } from './hold.ts';
import type { Pace } from './pace.ts';
import type { HubPorts } from './ports.ts';
import type { AgentLink } from './agent-link.ts';
import type { Reports } from './reports.ts';
import type { LinkStream } from './stream-kind.ts';
import type { Taken } from './taken-reports.ts';

/** One agent's Sync stream: what its cluster must know goes down, what it reports comes up. */
export class AgentSync implements LinkStream<SyncMessage> {
  readonly cluster: string;
  readonly #link: AgentLink;
  readonly #hub: HubPorts;
  readonly #reports: Reports;
  readonly #down: ServerSession;
  readonly #up: ClientSession;
  readonly #pump: Pump<SyncMessage>;
  /** Requests and acknowledgements that wait for room. */
  readonly #answers: SyncMessage[] = [];
  /** What was read to decide what is held back. */
  #holds = new Reads();
  readonly #pace: Pace;
  #receiver: Receiver;
  /** Responses that wait for their time. */
  #delayed = 0;
  #stopped = false;

  constructor(
    link: AgentLink,
    call: ServerDuplexStream<SyncMessage, SyncMessage>,
    hub: HubPorts,
    { reports, pace }: Taken,
  ) {
    const { cluster } = link.agent;
    this.#pace = pace;
    this.cluster = cluster;
    this.#link = link;
    this.#hub = hub;
    this.#reports = reports;
    this.#receiver = hub.catalog.receiver(cluster);
    this.#up = new ClientSession(upTypes, reports.versions());
    this.#down = new ServerSession({
      types: downTypes,
      lookup: (type) => {
        const resources = hub.catalog.view(type as DownType, this.#receiver);
        return { resources, moment: hub.catalog.moment, complete: true };
      },
      hold: (type, name) => isHeld(this.#holds.through(hub.snapshot()), cluster, type, name),
      onAck: (type, acknowledgement) => this.#acknowledged(type, acknowledgement),
    });
    this.#pump = new Pump(call, () => this.#answers.shift() ?? this.#nextDown());
    for (const request of this.#up.open()) this.#answers.push({ kind: 'request', request });
    this.#pump.wake();
  }

  hear(message: SyncMessage): void {
    if (message.kind === 'response') {
      // One response of a type is under way at a time: an agent that sends more does not wait for its answers.
      if (this.#answers.length + this.#delayed >= 2 * upTypes.length)
        return this.#link.end('answers are not read', status.RESOURCE_EXHAUSTED);
      const { resources, removed } = message.response;
      const wait = this.#pace.take(resources.length + removed.length);
      if (wait > 0) return this.#delay(message.response, wait);
      this.#answers.push({ kind: 'request', request: this.#take(message.response) });
    } else {
      const heard = this.#down.request(message.request);
      if (!heard.ok) return this.#link.end(heard.error, status.INVALID_ARGUMENT);
    }
    this.#pump.wake();
  }

  /** The agent has no answer until its response is taken, so it sends no more of that type meanwhile. */
  #delay(response: DeltaResponse, wait: number): void {
    this.#delayed++;
    this.#showDelay();
    this.#hub.clock.after(wait, () => {
      this.#delayed--;
      if (this.#stopped) return;
      this.#showDelay();
      this.#answers.push({ kind: 'request', request: this.#take(response) });
      this.#pump.wake();
    });
  }

  #showDelay(): void {
    const reportsDelayed = this.#delayed > 0;
    this.#hub.observe(this.cluster, (record) =>
      record.reportsDelayed === reportsDelayed ? record : { ...record, reportsDelayed },
    );
  }

  /** The agent has acknowledged everything that there was for it, and all that it reports has been taken. */
  get isWhole(): boolean {
    const isSent =
      awaitedDownTypes.every((type) => this.#down.completed(type)) && this.#down.unanswered === 0;
    return isSent && this.#up.allComplete && this.#delayed === 0;
  }

  /** Marks what it should hold otherwise than before, and sends it. */
  wake(update: CatalogUpdate): void {
    const before = this.#receiver;
    this.#receiver = withFlips(before, update.flips);
    for (const { type, name } of differences(update, before, this.#receiver))
      this.#down.changed(type, [name]);
    // What is held back is decided anew also where no resource was replaced.
    if (this.#holds.changedIn(this.#hub.snapshot())) {
      this.#holds = new Reads();
      for (const type of downTypes) this.#down.changed(type);
    }
    this.#pump.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#pump.stop();
  }

  #nextDown(): SyncMessage | undefined {
    const response = this.#down.next();
    return response && { kind: 'response', response };
  }

  /** What the agent could not read is shown until it has read it, or another version of it. */
  #acknowledged(type: string, { applied, removed, rejected }: Acknowledgement): void {
    for (const [name, { reason }] of rejected)
      this.#hub.lines.warn(
        `nack/${this.cluster}`,
        { cluster: this.cluster, type, name, reason },
        'the agent refused what it was sent',
      );
    this.#hub.observe(this.cluster, (record) => {
      const settled = [...applied.keys(), ...removed].map((name) => `${type}/${name}`);
      if (rejected.size === 0 && !settled.some((key) => record.refused.has(key))) return record;
      const refused = new Map(record.refused);
      for (const key of settled) refused.delete(key);
      for (const [name, refusal] of rejected) refused.set(`${type}/${name}`, refusal);
      return { ...record, refused };
    });
  }

  #take(response: DeltaResponse) {
    const { clock, lines } = this.#hub;
    const request = this.#up.response(response, (resources: readonly Resource[], removed) => {
      const { change, rejected, isNews } = this.#reports.apply(
        response.type,
        resources,
        removed,
        clock.now(),
      );
      if (rejected.length > 0) this.#hub.reportsRefused(this.cluster, rejected.length);
      const [first] = rejected;
      if (first)
        lines.warn(
          `reports/${this.cluster}`,
          {
            cluster: this.cluster,
            type: response.type,
            count: rejected.length,
            name: first.name,
            reason: first.reason,
          },
          'reports were rejected; the first is named',
        );
      this.#hub.observe(this.cluster, change);
      if (isNews) this.#hub.saveReports(this.cluster, () => this.#reports.save());
      return rejected;
    });
    if (this.#up.allComplete) this.#hub.observe(this.cluster, withListing);
    return request;
  }
}
