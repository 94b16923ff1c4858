import { Client, connectivityState, type ClientDuplexStream } from '@grpc/grpc-js';
import type { Answer, Ask, Question, Reply } from '@isthmus/api/domain/question.ts';
import type { HealthReport } from '@isthmus/api/domain/report.ts';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary, openStream } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { trustMutually } from '@isthmus/api/grpc/server-trust.ts';
import { epochHeader, linkService } from '@isthmus/api/grpc/services.ts';
import { downTypes, upTypes, type SyncMessage } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import type { ProducedResources } from '@isthmus/mesh/delta/produced.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { sleep, type Clock, type Timer } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { backoff } from './backoff.ts';
import type { HubEpochs } from './hub-epochs.ts';
import type { HubViewStore } from './hub-view-store.ts';
import type { LinkIdentity } from './identity.ts';
import { connectPatience } from './patience.ts';

export interface LinkDeps {
  readonly identity: LinkIdentity;
  readonly localAddress: string;
  readonly views: HubViewStore;
  readonly epochs: HubEpochs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What goes up, by type; undefined while the agent itself has not finished listing. */
  reports(type: string): ProducedResources | undefined;
  health(): Omit<HealthReport, 'sequence' | 'sentAt' | 'unreadable'>;
  answer(ask: Ask): Promise<Answer>;
  /** The hub's view has changed. */
  readonly onView: () => void;
}

const healthEvery = 5000;
/** What the hub has rejected is offered again: it may have exceeded a limit, and there may be room now. */
const retryEvery = 60_000;

/** Asked anew: the signal may have aborted while something was awaited. */
const isOver = ({ aborted }: AbortSignal): boolean => aborted;

/**
 * The agent's side of the link: one connection, tried again for ever at each of the hub's replicas in turn, whose
 * streams live and die together.
 */
export class LinkClient {
  readonly #deps: LinkDeps;
  #client: Client | undefined;
  readonly #certificates: Certificates;
  /** Of the agent's own life: the order of what it reports. */
  readonly #moment: { epoch: bigint; revision: bigint };
  #session: Session | undefined;
  /** Attempts since the hub was heard last. */
  #misses = 0;
  /** Resources that came down since the start, by type: what a reconnect costs. */
  readonly received: Record<string, number> = {};

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    const { identity, clock } = deps;
    this.#certificates = new Certificates(identity, identity.ca);
    this.#moment = { epoch: BigInt(clock.now()), revision: 0n };
  }

  /** The hub has been heard on the connection that is open now. */
  get connected(): boolean {
    return this.#session?.heard ?? false;
  }

  /** The hub has sent everything on the connection that is open now: what it has not sent is not there. */
  get synced(): boolean {
    return this.#session?.synced ?? false;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, identity } = this.#deps;
    for (let attempt = 0, dials = 0; !signal.aborted; attempt++, dials++) {
      const started = clock.monotonic();
      const endpoint = identity.endpoints[dials % identity.endpoints.length] ?? '';
      const why = await this.#connect(endpoint, signal);
      if (this.#misses === 0 && clock.monotonic() - started > 5000) attempt = 0;
      if (isOver(signal)) break;
      log.warn(
        { why, attempt, endpoint },
        'the link to the hub ended; this cluster goes on with what it knows',
      );
      await sleep(clock, backoff(attempt, random, 50, 3000), signal).catch(() => undefined);
    }
  }

  /** Something that goes up may have changed. */
  changed(type?: string): void {
    this.#moment.revision++;
    this.#session?.changed(type);
  }

  healthChanged(): void {
    this.#session?.sendHealth();
  }

  /** Has the agent's own certificate renewed; new connections of the link show it at once. Resolves with it, PEM. */
  async renew(key: string, csr: string): Promise<{ chain: string; ca: string }> {
    const deadline = new Date(this.#deps.clock.now() + 10_000);
    const answer = await callUnary(this.#connected(), linkService.renewLink, { linkCsr: csr }, { deadline });
    const renewed = { chain: answer.linkChain.join(''), ca: answer.linkCa };
    this.#certificates.setIdentity({ key, chain: renewed.chain });
    this.#certificates.setCa(renewed.ca);
    return renewed;
  }

  async signIntermediate(csr: string, urgent = false): Promise<{ chain: readonly string[]; keyId: string }> {
    return callUnary(
      this.#connected(),
      linkService.signIntermediate,
      { csr, urgent },
      { deadline: new Date(this.#deps.clock.now() + 10_000) },
    );
  }

  #connected(): Client {
    if (this.#client) return this.#client;
    throw new CodedError('HUB_UNREACHABLE', 'the link to the hub is down: it is tried again all the time');
  }

  #clientFor(endpoint: string): Client {
    const trust = trustMutually(endpoint.slice(0, endpoint.lastIndexOf(':')), this.#certificates);
    const target = boundTarget(endpoint, this.#deps.localAddress);
    return new Client(target, trust.credentials, { ...channelOptions(4), ...trust.options });
  }

  /** Resolves with why it ended. */
  #connect(endpoint: string, signal: AbortSignal): Promise<string> {
    const client = (this.#client = this.#clientFor(endpoint));
    return new Promise((resolve) => {
      const session = new Session(client, this.#deps, this.#moment, this.received, (why) => {
        signal.removeEventListener('abort', stop);
        giveUp.cancel();
        this.#misses = session.heard ? 0 : this.#misses + 1;
        if (this.#session === session) this.#session = undefined;
        this.#client = undefined;
        client.close();
        resolve(why);
      });
      const stop = () => session.end('stopped');
      signal.addEventListener('abort', stop, { once: true });
      const giveUp = this.#giveUpLater(client, session);
      this.#session = session;
    });
  }

  /** Connections that do not come about are left for the next address: grpc-js would wait for much longer. */
  #giveUpLater(client: Client, session: Session): Timer {
    const { clock, identity } = this.#deps;
    const patience = connectPatience(this.#misses, identity.endpoints.length);
    return clock.after(patience, () => {
      if (client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
      session.end(`it did not answer within ${patience} ms`);
    });
  }
}

/** The streams of one connection. */
class Session {
  readonly #deps: LinkDeps;
  readonly #sync: ClientDuplexStream<SyncMessage, SyncMessage>;
  readonly #health: ClientDuplexStream<HealthReport, number>;
  readonly #answer: ClientDuplexStream<Reply, Question>;
  readonly #down: ClientSession;
  readonly #up: ServerSession;
  readonly #pump: Pump<SyncMessage>;
  readonly #answers: SyncMessage[] = [];
  readonly #received: Record<string, number>;
  readonly #onEnd: (why: string) => void;
  readonly #awaited = new Set<string>(downTypes);
  #resources = 0;
  #told = false;
  /** Health that is due: what is written is the latest at the moment when there is room for it. */
  #healthDue = false;
  readonly #healthPump: Pump<HealthReport>;
  #sequence = 0;
  #heard = false;
  #over = false;

  constructor(
    client: Client,
    deps: LinkDeps,
    moment: { epoch: bigint; revision: bigint },
    received: Record<string, number>,
    onEnd: (why: string) => void,
  ) {
    this.#deps = deps;
    const lines = new LimitedLines(deps.clock, deps.log);
    this.#received = received;
    this.#onEnd = onEnd;
    this.#down = new ClientSession(downTypes, deps.views.versions());
    this.#up = new ServerSession({
      types: upTypes,
      lookup: (type) => ({
        resources: deps.reports(type) ?? new Map(),
        moment: { ...moment },
        complete: deps.reports(type) !== undefined,
      }),
      onAck: (type, { rejected }) => {
        for (const [name, { reason }] of rejected)
          lines.warn(
            `rejected/${type}`,
            { type, name, reason },
            'the hub rejected a report and keeps the one before; it is offered again in a minute',
          );
      },
    });
    const seen = String(deps.epochs.seen(deps.identity.hubId));
    this.#sync = openStream(client, linkService.sync, { [epochHeader]: seen });
    this.#health = openStream(client, linkService.health);
    this.#answer = openStream(client, linkService.answer);
    this.#pump = new Pump(this.#sync, () => this.#answers.shift() ?? this.#nextUp());
    this.#healthPump = new Pump(this.#health, () => this.#nextHealth());
    for (const request of this.#down.open()) this.#answers.push({ kind: 'request', request });
    this.#listen();
    this.#pump.wake();
    this.#beat();
    this.#retryLater();
  }

  /** The hub has said something. */
  get heard(): boolean {
    return this.#heard;
  }

  get synced(): boolean {
    return this.#awaited.size === 0;
  }

  changed(type?: string): void {
    for (const one of type === undefined ? upTypes : [type]) this.#up.changed(one);
    this.#pump.wake();
  }

  sendHealth(): void {
    this.#healthDue = true;
    this.#healthPump.wake();
  }

  #nextHealth(): HealthReport | undefined {
    if (!this.#healthDue) return undefined;
    this.#healthDue = false;
    const sentAt = this.#deps.clock.now();
    return { ...this.#deps.health(), sequence: ++this.#sequence, sentAt, unreadable: [] };
  }

  end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#pump.stop();
    this.#healthPump.stop();
    for (const stream of [this.#sync, this.#health, this.#answer]) stream.cancel();
    this.#onEnd(why);
  }

  #listen(): void {
    for (const stream of [this.#sync, this.#health, this.#answer]) {
      stream.on('error', (error: Error) => this.end(error.message));
      stream.on('end', () => this.end('the hub ended the stream'));
    }
    this.#sync.on('data', (message: SyncMessage) => this.#hear(message));
    this.#health.on('data', () => undefined);
    this.#answer.on('data', (question: Question) => this.#reply(question));
  }

  #hear(message: SyncMessage): void {
    this.#heard = true;
    if (message.kind === 'request') {
      const heard = this.#up.request(message.request);
      if (!heard.ok) return this.end(heard.error);
    } else if (!this.#admits(message.response)) return this.end(this.#replaced(message.response));
    else if (this.#answers.length >= 2 * downTypes.length) return this.end('the hub does not read answers');
    else this.#answers.push({ kind: 'request', request: this.#take(message.response) });
    this.#pump.wake();
  }

  #admits({ moment }: DeltaResponse): boolean {
    return this.#deps.epochs.admit(this.#deps.identity.hubId, moment.epoch);
  }

  #replaced({ moment }: DeltaResponse): string {
    const seen = this.#deps.epochs.seen(this.#deps.identity.hubId);
    return `this hub has epoch ${moment.epoch} and epoch ${seen} was seen before: it was replaced by another hub, or restored from a backup; in that case start it with --epoch-above ${seen}`;
  }

  #take(response: DeltaResponse) {
    const { views, onView } = this.#deps;
    this.#received[response.type] = (this.#received[response.type] ?? 0) + response.resources.length;
    const request = this.#down.response(response, (resources, removed) =>
      views.apply(response.type, resources, removed),
    );
    if (response.resources.length + response.removed.length > 0) onView();
    this.#count(response);
    return request;
  }

  /** Says once a stream what coming back has cost: 0 resources when nothing has changed meanwhile. */
  #count({ type, resources, complete }: DeltaResponse): void {
    this.#resources += resources.length;
    if (complete) this.#awaited.delete(type);
    if (this.#awaited.size > 0 || this.#told) return;
    this.#told = true;
    if (this.#deps.views.completed()) this.#deps.onView();
    this.#deps.log.info({ resources: this.#resources }, 'synced with the hub');
  }

  #nextUp(): SyncMessage | undefined {
    const response = this.#up.next();
    return response && { kind: 'response', response };
  }

  #reply({ id, ask }: Question): void {
    this.#deps
      .answer(ask)
      .then((answer) => this.#answer.write({ id, kind: 'answer', answer }))
      .catch((error: unknown) =>
        this.#answer.write({
          id,
          kind: 'error',
          message: error instanceof Error ? error.message : String(error),
        }),
      );
  }

  #retryLater(): void {
    this.#deps.clock.after(retryEvery, () => {
      if (this.#over) return;
      if (this.#up.retryRejected()) this.#pump.wake();
      this.#retryLater();
    });
  }

  #beat(): void {
    if (this.#over) return;
    this.sendHealth();
    this.#deps.clock.after(healthEvery, () => this.#beat());
  }
}
