import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import type { SignIntermediateRequest } from '@isthmus/api/domain/membership.ts';
import type { Answer, AnswerTo, Ask, Question, Reply } from '@isthmus/api/domain/question.ts';
import type { HealthReport } from '@isthmus/api/domain/report.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { epochHeader } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import type { Timer } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { withHealth, withHealthRejections, withLink, withoutOldRejections } from '../state/shard.ts';
import { AgentSync } from './agent-sync.ts';
import { denialOf } from './denied.ts';
import { grpcError, unary } from './grpc-status.ts';
import { identifyAgent, whyNot, type Agent } from './identify.ts';
import { LatestHealth } from './latest-health.ts';
import { withinLimits } from './limited-health.ts';
import { OpenCalls, type Call, type OpenCall } from './open-calls.ts';
import type { HubPorts } from './ports.ts';
import { Pace } from './pace.ts';
import { Questions } from './questions.ts';
import { Reports } from './reports.ts';
import { AgentSessions } from './sessions.ts';

/** Agents report their health every five seconds: one that has missed four is not there. */
const silence = 20_000;
const lookEvery = 5000;

/** The calls of the link's listener. Each says first whose it is. */
export class LinkDoors {
  readonly #hub: HubPorts;
  readonly #reports: Map<string, Reports>;
  readonly #paces = new Map<string, Pace>();
  readonly #calls = new OpenCalls();
  readonly #sessions: AgentSessions;
  readonly #questions = new Map<string, Questions<Question, Answer>>();
  /** When each connected cluster was last heard, monotonic milliseconds. */
  readonly #heard = new Map<string, number>();
  /** Certificates are asked for a few times a month: ten at once, and one in ten seconds from then on. */
  readonly #signing: RateLimit;
  #looking: Timer;

  constructor(hub: HubPorts, restored: ReadonlyMap<string, Reports>) {
    this.#hub = hub;
    this.#reports = new Map(restored);
    this.#sessions = new AgentSessions((cluster) =>
      hub.lines.warn(
        'second',
        { cluster },
        'a second agent of this cluster has connected; its link replaces the older one',
      ),
    );
    this.#signing = new RateLimit(hub.clock, 0.1, 10);
    this.#looking = hub.clock.after(lookEvery, () => this.#look());
  }

  handlers() {
    return {
      sync: (call: ServerDuplexStream<SyncMessage, SyncMessage>) =>
        this.#identified(call, (open) => this.#sync(open, call)),
      health: (call: ServerDuplexStream<HealthReport, number>) =>
        this.#identified(call, (open) => this.#health(open, call)),
      answer: (call: ServerDuplexStream<Reply, Question>) =>
        this.#identified(call, (open) => this.#answer(open, call)),
      signIntermediate: this.#certificate((agent, request) =>
        this.#hub.signIntermediate(agent.cluster, request as SignIntermediateRequest),
      ),
      renewLink: this.#certificate((agent, request) =>
        this.#hub.renewLink(agent, (request as { linkCsr: string }).linkCsr),
      ),
    };
  }

  /** Sends changes to every agent; an agent that is no longer a member is disconnected, with all its streams. */
  wakeAll(): void {
    const snapshot = this.#hub.snapshot();
    this.#calls.endWhere(({ agent }) => whyNot(agent, snapshot));
    for (const cluster of this.#reports.keys())
      if (!snapshot.intent.clusters.has(cluster)) {
        this.#reports.delete(cluster);
        this.#paces.delete(cluster);
      }
    for (const session of this.#sessions.all()) session.wake();
  }

  async ask<A extends Ask>(cluster: string, ask: A): Promise<AnswerTo<A>> {
    const questions = this.#questions.get(cluster);
    if (!questions) throw new CodedError('CLUSTER_UNREACHABLE', `the agent of ${cluster} is not connected`);
    const answer = await questions.ask((id, deadlineMillis) => ({ id, deadlineMillis, ask }));
    if (answer.kind !== ask.kind)
      throw new CodedError(
        'AGENT_REFUSED',
        `the agent of ${cluster} answered a question about ${ask.kind} with ${answer.kind}`,
      );
    return answer as AnswerTo<A>;
  }

  stop(): void {
    this.#looking.cancel();
    this.#calls.endWhere(() => 'the hub is stopping', status.UNAVAILABLE);
  }

  #sync(open: OpenCall, call: ServerDuplexStream<SyncMessage, SyncMessage>): void {
    const { clock, log } = this.#hub;
    const { cluster } = open.agent;
    this.#notBehind(Number(call.metadata.get(epochHeader)[0] ?? 0));
    const { limits } = this.#hub;
    const reports = this.#reports.get(cluster) ?? new Reports(limits);
    this.#reports.set(cluster, reports);
    const pace = this.#paces.get(cluster) ?? new Pace(clock, limits.reportsPerSecond);
    this.#paces.set(cluster, pace);
    const session = new AgentSync(cluster, call, this.#hub, { reports, pace });
    this.#sessions.add(session);
    // What an older connection of this cluster still has open is of an agent that is gone, or is not the one.
    this.#calls.endWhere(
      (one) => (one.agent.cluster === cluster && one.connection !== open.connection ? replaced : undefined),
      status.ABORTED,
    );
    this.#heard.set(cluster, clock.monotonic());
    this.#hub.updateShard(cluster, (shard) => withLink(shard, { kind: 'CONNECTED' }));
    log.info({ cluster }, 'agent connected');
    call.on('data', (message: SyncMessage) => {
      if (!open.over) session.hear(message);
    });
    let over = false;
    const ended = () => {
      if (over) return;
      over = true;
      session.stop();
      if (!this.#sessions.remove(session)) return;
      this.#heard.delete(cluster);
      this.#hub.updateShard(cluster, (shard) => withLink(shard, { kind: 'UNREACHABLE', since: clock.now() }));
      log.info({ cluster }, 'agent gone');
      call.end();
    };
    call.on('end', ended).on('cancelled', ended).on('error', ended).on('close', ended);
  }

  /** The latest report wins; so does the latest acknowledgement, should the agent be slow to read. */
  #health(open: OpenCall, call: ServerDuplexStream<HealthReport, number>): void {
    const { cluster } = open.agent;
    let taken: number | undefined;
    const acknowledgements = new Pump(call, () => {
      const sequence = taken;
      taken = undefined;
      return sequence;
    });
    const latest = new LatestHealth(this.#hub.clock, (report) => {
      this.#takeHealth(cluster, report);
      taken = report.sequence;
      acknowledgements.wake();
    });
    call.on('data', (report: HealthReport) => {
      if (open.over) return;
      if (this.#heard.has(cluster)) this.#heard.set(cluster, this.#hub.clock.monotonic());
      latest.report(report);
    });
    endWith(call, () => {
      acknowledgements.stop();
      latest.stop();
    });
  }

  #takeHealth(cluster: string, whole: HealthReport): void {
    const { limits, clock } = this.#hub;
    this.#hub.updateShard(cluster, (shard) => {
      const { report, rejected } = withinLimits(whole, shard.health, limits);
      const now = clock.now();
      const taken = withHealth(withoutOldRejections(shard, now), report, now);
      return withHealthRejections(taken, [...whole.unreadable, ...rejected], now);
    });
  }

  #answer(open: OpenCall, call: ServerDuplexStream<Reply, Question>): void {
    const { clock, random } = this.#hub;
    const { cluster } = open.agent;
    const questions = new Questions<Question, Answer>(
      clock,
      () => random.id(),
      (question) => call.write(question),
    );
    this.#questions.set(cluster, questions);
    call.on('data', (reply: Reply) => {
      if (open.over) return;
      if (reply.kind === 'answer') questions.answer(reply.id, reply.answer);
      else questions.refuse(reply.id, reply.message);
    });
    endWith(call, () => {
      questions.end();
      if (this.#questions.get(cluster) === questions) this.#questions.delete(cluster);
    });
  }

  /** Sends away who has been silent: its connection may look alive for much longer than it is. */
  #look(): void {
    const before = this.#hub.clock.monotonic() - silence;
    this.#calls.endWhere(
      ({ agent: { cluster } }) =>
        (this.#heard.get(cluster) ?? Infinity) <= before
          ? `no message was received for ${silence} ms`
          : undefined,
      status.UNAVAILABLE,
    );
    this.#looking = this.#hub.clock.after(lookEvery, () => this.#look());
  }

  #identified(call: Call, serve: (open: OpenCall) => void): void {
    try {
      serve(this.#calls.add(this.#agentOf(call), call));
    } catch (error) {
      call.emit('error', grpcError(error, this.#hub.lines, call.getPeer()));
    }
  }

  /** An agent that has seen a later epoch would refuse everything that is sent from here. */
  #notBehind(seen: number): void {
    const { epoch } = this.#hub.snapshot();
    if (!(seen > epoch)) return;
    throw new CodedError(
      'FENCED',
      `this hub has epoch ${epoch} and the agent has seen ${seen}: another hub is in charge, or this one was restored from a backup; in that case start it with --epoch-above ${seen}`,
    );
  }

  #certificate(issue: (agent: Agent, request: unknown) => Promise<unknown>) {
    return unary((request, call) => {
      const agent = this.#agentOf(call);
      if (this.#signing.take(agent.cluster)) return issue(agent, request);
      throw new CodedError('TOO_MANY', `${agent.cluster} asks for too many certificates: wait ten seconds`);
    }, this.#hub.lines);
  }

  #agentOf(call: Call): Agent {
    const { linkCa, clock } = this.#hub;
    const certificate = call.getAuthContext().sslPeerCertificate as { raw?: Buffer } | undefined;
    const judged = identifyAgent(certificate?.raw, linkCa, this.#hub.snapshot(), clock.now());
    if (judged.ok) return judged.value;
    const error = new CodedError(judged.error.code, judged.error.message);
    const denied = denialOf(error, call.getPeer(), { action: 'link' });
    if (denied) this.#hub.denied(denied);
    throw error;
  }
}

const replaced = 'a newer connection of this cluster has taken over';

function endWith(call: Call & { end(): unknown }, over: () => void): void {
  for (const event of ['end', 'cancelled', 'error', 'close']) call.on(event, over);
  call.on('end', () => call.end());
}
