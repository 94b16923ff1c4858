import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { formatSubject, isSubjectType } from '@isthmus/api/domain/names.ts';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { digestsHeader } from '@isthmus/api/grpc/services.ts';
import { upTypes, type DownType, type SyncMessage, type UpType } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest, DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Acknowledgement } from '@isthmus/mesh/delta/produced.ts';
import { formatRejections } from '@isthmus/mesh/delta/rejections.ts';
import { refusalName } from '../observation/cluster-record.ts';
import { withListing, withReplica } from '../observation/record-steps.ts';
import { DownSession } from './down-session.ts';
import { replicaOf } from './link-replica.ts';
import type { Pace } from './pace.ts';
import type { HubPorts } from './ports.ts';
import type { AgentLink } from './agent-link.ts';
import type { Reports } from './reports.ts';
import type { Rounds } from './rounds.ts';
import type { LinkStream, StreamPorts } from './stream-kind.ts';
import type { Taken } from './taken-reports.ts';

const notLeading = 'NOT_LEADING: reports are taken from the replica of the agent that leads';

/** One agent's Sync stream: what its cluster must know goes down, what it reports comes up. */
export class AgentSync implements LinkStream<SyncMessage> {
  readonly cluster: string;
  readonly #link: AgentLink;
  readonly #hub: HubPorts;
  readonly #reports: Reports;
  readonly down: DownSession;
  readonly #rounds: Rounds;
  readonly #visit = () => this.#visited();
  /** Undefined on a link that did not lead when it was opened. */
  readonly #up: ClientSession<UpType> | undefined;
  #hasBeenWhole = false;
  readonly #pump: Pump<SyncMessage>;
  /** Requests and acknowledgements that wait for room. */
  readonly #answers: SyncMessage[] = [];
  readonly #pace: Pace;
  /** Responses that wait for their time. */
  #delayed = 0;
  #stopped = false;

  constructor(
    link: AgentLink,
    call: ServerDuplexStream<SyncMessage, SyncMessage>,
    hub: HubPorts,
    { reports, pace, interest, rounds }: Taken & Pick<StreamPorts, 'interest' | 'rounds'>,
  ) {
    const { cluster, trustDomain } = link.agent;
    this.#pace = pace;
    this.cluster = cluster;
    this.#link = link;
    this.#hub = hub;
    this.#reports = reports;
    this.#up = link.leads ? new ClientSession(upTypes, reports.versions()) : undefined;
    this.#rounds = rounds;
    this.down = new DownSession({
      cluster,
      trustDomain,
      catalog: hub.catalog,
      interest,
      now: () => hub.snapshot(),
      onWork: () => rounds.mark(this.#visit),
      onAck: (type, acknowledgement) => this.#acknowledged(type, acknowledgement),
    });
    this.#pump = new Pump(call, () => this.#answers.shift() ?? this.#nextDown());
    const readsDigests = call.metadata.get(digestsHeader).length > 0;
    const mark = (type: string, name: string, version: string) => reports.mark(type, name, version);
    const opening = readsDigests ? this.#up?.openByDigests(digestGroup, mark) : this.#up?.open();
    for (const request of opening ?? []) this.#answers.push({ kind: 'request', request });
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
      const outcome = this.down.request(message.request);
      if (!outcome.ok) return this.#link.end(outcome.error, status.INVALID_ARGUMENT);
      if (!this.#hasBeenWhole && this.down.isWhole) this.#becameWhole();
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
    const reportsDelayed = this.#delayed > 0 ? this.#hub.limits.reportsPerSecond : undefined;
    this.#hub.observe(this.cluster, (record) =>
      record.reportsDelayed === reportsDelayed ? record : { ...record, reportsDelayed },
    );
  }

  /** The agent has acknowledged everything that there was for it, and all that it reports has been taken. */
  get isWhole(): boolean {
    return this.down.isWhole && (this.#up?.allComplete ?? true) && this.#delayed === 0;
  }

  /** One whose stream is full only catches up, and says what it has to say once there is room. */
  #visited(): void {
    this.down.catchUp();
    this.#pump.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#pump.stop();
    this.down.stop();
    this.#rounds.remove(this.#visit);
  }

  #nextDown(): SyncMessage | undefined {
    const response = this.down.next();
    if (response) return { kind: 'response', response };
    if (this.#link.leads) this.#dropOldRefusals();
    return undefined;
  }

  /**
   * Nothing is left to send. A refusal goes without an acknowledgement once the agent holds what there is for it under
   * that name: what there is may have become what the agent holds, or have gone while it was away. What is held back is
   * not offered again, so its refusal stays.
   */
  #dropOldRefusals(): void {
    const before = this.#hub.snapshot().observed.get(this.cluster)?.refused;
    if (!before || before.size === 0 || !this.down.isWhole) return;
    const refused = [...before].filter(([, { type, name }]) => !this.down.isInStep(type, name));
    if (refused.length === before.size) return;
    this.#hub.observe(this.cluster, (record) => ({ ...record, refused: new Map(refused) }));
  }

  /** The agent has acknowledged once all that there was for it. */
  get hasBeenWhole(): boolean {
    return this.#hasBeenWhole;
  }

  /** What a follower held before counts from now on. */
  #becameWhole(): void {
    this.#hasBeenWhole = true;
    if (this.#link.leads) return;
    const replica = replicaOf(this.#link, () => (this.#stopped ? undefined : this));
    this.#hub.observe(this.cluster, (record) => withReplica(record, replica));
  }

  #acknowledged(type: DownType, acknowledgement: Acknowledgement): void {
    this.#warn(type, acknowledgement);
    if (this.#link.leads) this.#show(type, acknowledgement);
    else this.#followed(type, acknowledgement);
  }

  #warn(type: DownType, { rejected }: Acknowledgement): void {
    for (const [name, { reason }] of rejected)
      this.#hub.lines.warn(
        `nack/${this.cluster}`,
        { cluster: this.cluster, replica: this.#link.claim.id, type, name, reason },
        'the agent refused what it was sent',
      );
  }

  /** What the leader has acknowledged already counts once each of the others has. */
  #followed(type: DownType, { applied, removed }: Acknowledgement): void {
    if (!isSubjectType(type)) return;
    const subjects = [...applied.keys(), ...removed].map((name) => formatSubject(type, name));
    if (subjects.length > 0) this.#hub.acknowledged(this.cluster, subjects);
  }

  /** What the agent could not read is shown until it has read it, or another version of it. */
  #show(type: DownType, { applied, removed, rejected }: Acknowledgement): void {
    const shown = this.#hub.snapshot().observed.get(this.cluster)?.refused.size ?? 0;
    if (rejected.size + shown === 0) return;
    this.#hub.observe(this.cluster, (record) => {
      const settled = [...applied.keys(), ...removed].map((name) => refusalName(type, name));
      if (rejected.size === 0 && !settled.some((key) => record.refused.has(key))) return record;
      const refused = new Map(record.refused);
      for (const key of settled) refused.delete(key);
      for (const [name, { version, reason }] of rejected)
        refused.set(refusalName(type, name), { type, name, version, reason });
      return { ...record, refused };
    });
  }

  /** Reports of a replica that does not lead, or no longer: its own agent knows by its Lease, and sends no more of them. */
  #refuse({ type, nonce, resources, removed }: DeltaResponse): DeltaRequest {
    const names = [...resources.map(({ name }) => name), ...removed];
    this.#hub.reportsRefused(this.cluster, names.length);
    const error = formatRejections(names.map((name) => ({ name, reason: notLeading })));
    return { type, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce, error };
  }

  #take(response: DeltaResponse): DeltaRequest {
    if (!this.#up || !this.#link.leads) return this.#refuse(response);
    const { clock, lines } = this.#hub;
    const request = this.#up.response(response, (resources: readonly Resource[], removed) => {
      const { change, rejected, rows } = this.#reports.apply(response.type, resources, removed, clock.now());
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
      if (rows.length > 0) this.#hub.saveReports(this.cluster, rows);
      return rejected;
    });
    if (this.#up.allComplete) this.#hub.observe(this.cluster, withListing);
    return request;
  }
}
