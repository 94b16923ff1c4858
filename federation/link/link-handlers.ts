import { linkService } from '@isthmus/api/grpc/services.ts';
import { status, type MethodDefinition, type ServerDuplexStream } from '@grpc/grpc-js';
import type { AnswerTo, Ask } from '@isthmus/api/domain/question.ts';
import { HubError } from '../hub-error.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { Slices } from '@isthmus/mesh/process/slices.ts';
import { withoutReplica, withReplica } from '../observation/record-steps.ts';
import { written, type ChangeSet } from '../observation/change-set.ts';
import type { Now } from '../state/now.ts';
import { Duplicates } from './duplicates.ts';
import { Admission } from './admission.ts';
import type { AgentLink } from './agent-link.ts';
import { AgentLinks } from './agent-links.ts';
import { Interest } from './interest.ts';
import { Rounds } from './rounds.ts';
import { denialOf } from './denied.ts';
import { replicaClaim } from './replica-claim.ts';
import { replicaOf } from './link-replica.ts';
import { grpcError, unary } from './grpc-status.ts';
import {
  identifyAgent,
  readAgentCertificate,
  whyNot,
  type AgentCertificate,
  type LinkRefusal,
} from './identify.ts';
import type { Agent } from '../registry/agent.ts';
import type { HubPorts } from './ports.ts';
import type { StreamKind, StreamPorts } from './stream-kind.ts';
import { answerStream } from './streams/answer.ts';
import { syncStream } from './streams/sync.ts';
import { streamKinds } from './streams/stream-kinds.ts';
import { TakenReports, type RestoredReports } from './taken-reports.ts';

/** What is common to the calls of grpc-js. */
interface Call {
  getAuthContext(): { sslPeerCertificate?: unknown };
  /** Address and port: one connection. */
  getPeer(): string;
}

type StreamMethod = (typeof streamKinds)[number]['method'];
type OpenStream = (call: ServerDuplexStream<unknown, unknown>) => void;

/** The gRPC methods of the link. Each call is identified by its client certificate first. */
export class LinkHandlers {
  readonly #hub: HubPorts;
  readonly #ports: StreamPorts;
  readonly #links: AgentLinks;
  /** Certificates are asked for a few times a month: ten at once, and one in ten seconds from then on. */
  readonly #signing: RateLimit;

  constructor(hub: HubPorts, restored: RestoredReports) {
    this.#hub = hub;
    const slices = new Slices(hub.clock);
    this.#ports = {
      hub,
      interest: new Interest(),
      rounds: new Rounds(slices),
      taken: new TakenReports(hub.clock, hub.limits, restored),
      admission: new Admission(hub.clock),
      slices,
    };
    const duplicates = new Duplicates(hub.clock, (cluster, replicas) => {
      if (hub.snapshot().observed.has(cluster))
        hub.observe(cluster, (record) => ({ ...record, duplicates: replicas }));
    });
    this.#links = new AgentLinks(hub.clock, {
      onGone: (link) => this.#gone(link),
      onDuplicate({ agent: { cluster }, claim: { id: replica } }) {
        hub.lines.warn(
          'second',
          { cluster, replica, code: 'AGENT_DUPLICATE' },
          'a second agent of this cluster and replica has connected; its link replaces the older one',
        );
        duplicates.replaced(cluster, replica);
      },
    });
    this.#signing = new RateLimit(hub.clock, 0.1, 10);
  }

  handlers() {
    const streams = streamKinds.map((kind): [string, OpenStream] => [
      kind.method,
      (call) => this.#open(kind, call),
    ]);
    return {
      ...(Object.fromEntries(streams) as Readonly<Record<StreamMethod, OpenStream>>),
      signIntermediate: this.#certificate(linkService.signIntermediate, ({ cluster }, request) =>
        this.#hub.signIntermediate(cluster, request),
      ),
      renewLink: this.#certificate(linkService.renewLink, (agent, { linkCsr }) =>
        this.#hub.renewLink(agent, linkCsr),
      ),
    };
  }

  /** Compiles what a change reaches, and marks the sessions that it concerns. Ends the links of who is not a member now. */
  changed(changes: ChangeSet, now: Now): void {
    for (const cluster of written(changes, 'cluster').keys()) this.#memberChanged(cluster, now);
    this.#ports.interest.mark(this.#hub.catalog.apply(changes, now), changes);
  }

  async ask<A extends Ask>(cluster: string, ask: A): Promise<AnswerTo<A>> {
    const questions = this.#links.leader(cluster)?.stream(answerStream)?.questions;
    if (!questions) throw new HubError('CLUSTER_UNREACHABLE', this.#whyNotAsked(cluster));
    const answer = await questions.ask((id, deadlineMillis) => ({ id, deadlineMillis, ask }));
    if (answer.kind !== ask.kind)
      throw new HubError(
        'AGENT_REFUSED',
        `the agent of ${cluster} answered a question about ${ask.kind} with ${answer.kind}`,
      );
    return answer as AnswerTo<A>;
  }

  #whyNotAsked(cluster: string): string {
    return this.#links.of(cluster).length === 0
      ? `the agent of ${cluster} is not connected`
      : `none of the replicas of the agent of ${cluster} leads now: one takes over within 15 s`;
  }

  stop(): void {
    this.#links.endWhere(() => 'the hub is stopping', status.UNAVAILABLE);
  }

  #open(kind: StreamKind<unknown, unknown>, call: ServerDuplexStream<unknown, unknown>): void {
    try {
      const claim = replicaClaim(call.metadata);
      const { agent, certificate } = this.#callerOf(call);
      const link = this.#links.at(agent, call.getPeer(), certificate, claim);
      link.open(kind, call, this.#ports);
      this.#links.add(link, claim);
      if (kind.holdsLink) this.#began(link);
    } catch (error) {
      call.emit('error', grpcError(error, this.#hub.lines, call.getPeer()));
    }
  }

  #memberChanged(cluster: string, now: Now): void {
    this.#links.endOf(cluster, (agent) => whyNot(agent, now));
    if (now.intent.clusters.has(cluster)) return;
    this.#ports.taken.forget(cluster);
    this.#signing.forget(cluster);
  }

  /** The agent is connected as long as its Sync stream is open. What it reports counts as whole once it is so on this one. */
  #began(link: AgentLink): void {
    const { cluster } = link.agent;
    const { id: replica, role } = link.claim;
    const shown = replicaOf(link, () => link.stream(syncStream)?.session);
    this.#hub.observe(cluster, (record) => withReplica(record, shown));
    this.#hub.log.info({ cluster, replica, role }, 'agent connected');
  }

  #gone({ agent: { cluster }, claim: { id: replica } }: AgentLink): void {
    const { clock, log } = this.#hub;
    if (this.#hub.snapshot().observed.get(cluster)?.link.kind !== 'CONNECTED') return;
    this.#hub.observe(cluster, (record) => withoutReplica(record, replica, clock.now()));
    log.info({ cluster, replica }, 'agent gone');
  }

  #certificate<Request, Response>(
    method: MethodDefinition<Request, Response>,
    issue: (agent: Agent, request: Request) => Promise<Response>,
  ) {
    const limited = (request: Request, call: Call) => {
      const { agent } = this.#callerOf(call);
      if (this.#signing.take(agent.cluster)) return issue(agent, request);
      throw new HubError('TOO_MANY', `${agent.cluster} asks for too many certificates: wait ten seconds`);
    };
    return unary(method, limited, this.#hub.lines);
  }

  #callerOf(call: Call): { readonly agent: Agent; readonly certificate: AgentCertificate } {
    const { linkCa, clock } = this.#hub;
    const shown = call.getAuthContext().sslPeerCertificate as { raw?: Buffer } | undefined;
    const known = this.#links.ofConnection(call.getPeer())?.certificate;
    const certificate = readAgentCertificate(shown?.raw, linkCa, known);
    if (!certificate.ok) return this.#denied(call, certificate.error);
    const agent = identifyAgent(certificate.value, this.#hub.snapshot(), clock.now());
    if (!agent.ok) return this.#denied(call, agent.error);
    return { agent: agent.value, certificate: certificate.value };
  }

  #denied(call: Call, { code, message }: LinkRefusal): never {
    const error = new HubError(code, message);
    const denied = denialOf(error, call.getPeer(), { action: 'link' });
    if (denied) this.#hub.denied(denied);
    throw error;
  }
}
