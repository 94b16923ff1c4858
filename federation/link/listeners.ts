import {
  Server,
  status,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Answer, Ask, Question, Reply } from '@isthmus/api/domain/question.ts';
import type { HealthReport } from '@isthmus/api/domain/report.ts';
import { Certificates, mutualServerCredentials, serverCredentials } from '@isthmus/api/grpc/certificates.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { joiningService, linkService } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { withHealth } from '../state/shard.ts';
import { AgentSync } from './agent-sync.ts';
import { identifyAgent } from './identify.ts';
import type { HubPorts } from './ports.ts';
import { Questions } from './questions.ts';
import { Reports } from './reports.ts';
import { AgentSessions } from './sessions.ts';

export interface Link {
  /** Asks a cluster's agent; rejects with CLUSTER_UNREACHABLE when it is not there. */
  ask(cluster: string, ask: Ask): Promise<Answer>;
  stop(): Promise<void>;
}

/** Opens the hub's two listeners: one where clusters join, one where their agents talk. */
export async function startLink(
  hub: HubPorts,
  listen: { readonly link: string; readonly join: string },
  restored: ReadonlyMap<string, Reports>,
): Promise<Link> {
  const doors = new LinkDoors(hub, restored);
  const ca = certificatePem(hub.linkCa);
  const link = new Server(serverOptions(4));
  link.addService(linkService, doors.handlers() as never);
  const join = new Server({ ...serverOptions(1), 'grpc.max_receive_message_length': 16 * 1024 });
  join.addService(joiningService, { join: unary(limitedJoin(hub)) });
  await bind(link, listen.link, mutualServerCredentials(new Certificates(hub.server, ca)));
  await bind(join, listen.join, serverCredentials(new Certificates(hub.server)));
  const stopWaking = hub.onChange(() => doors.wakeAll());
  return {
    ask: (cluster, ask) => doors.ask(cluster, ask),
    stop() {
      stopWaking();
      link.forceShutdown();
      join.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** Nobody guesses secrets here: twenty calls from one address at once, and five a second from then on. */
function limitedJoin(hub: HubPorts) {
  const limit = new RateLimit(hub.clock, 5, 20);
  return (request: unknown, call: { getPeer(): string }): Promise<unknown> => {
    const peer = call.getPeer();
    if (limit.take(peer.slice(0, peer.lastIndexOf(':')))) return hub.join(request as never);
    throw new CodedError('TOO_MANY', 'too many attempts to join from this address: wait a few seconds');
  };
}

function bind(
  server: Server,
  address: string,
  credentials: ReturnType<typeof serverCredentials>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error) => {
      if (error)
        reject(
          new CodedError('LISTEN_FAILED', `cannot listen on ${address}: ${error.message}`, { cause: error }),
        );
      else resolve();
    });
  });
}

/** What is common to the calls of grpc-js. */
interface Call {
  getAuthContext(): { sslPeerCertificate?: unknown };
  emit(event: 'error', error: object): boolean;
  on(event: string, listener: () => void): unknown;
}

/** The calls of the link's listener. Each says first whose it is. */
class LinkDoors {
  readonly #hub: HubPorts;
  readonly #reports = new Map<string, Reports>();
  readonly #sessions: AgentSessions;
  readonly #questions = new Map<string, Questions<Question, Answer>>();

  constructor(hub: HubPorts, restored: ReadonlyMap<string, Reports>) {
    this.#hub = hub;
    this.#reports = new Map(restored);
    this.#sessions = new AgentSessions((cluster) =>
      hub.log.warn({ cluster }, 'a second agent of this cluster has connected; the newer one is heard'),
    );
  }

  handlers(): object {
    return {
      sync: (call: ServerDuplexStream<SyncMessage, SyncMessage>) =>
        this.#identified(call, (cluster) => this.#sync(cluster, call)),
      health: (call: ServerDuplexStream<HealthReport, number>) =>
        this.#identified(call, (cluster) => this.#health(cluster, call)),
      answer: (call: ServerDuplexStream<Reply, Question>) =>
        this.#identified(call, (cluster) => this.#answer(cluster, call)),
      signIntermediate: unary((request, call) =>
        this.#hub.signIntermediate(this.#clusterOf(call), (request as { csr: string }).csr),
      ),
      renewLink: unary((request, call) =>
        this.#hub.renewLink(this.#clusterOf(call), (request as { linkCsr: string }).linkCsr),
      ),
    };
  }

  /** Every agent hears of what changed; one that may no longer be here is sent away. */
  wakeAll(): void {
    const { intent } = this.#hub.snapshot();
    for (const session of this.#sessions.all()) {
      const admission = intent.clusters.get(session.cluster)?.value.admission;
      if (admission === 'ADMITTED') session.wake();
      else session.end(`cluster ${session.cluster} is ${admission ?? 'removed'}: it may not use the link`);
    }
  }

  ask(cluster: string, ask: Ask): Promise<Answer> {
    const questions = this.#questions.get(cluster);
    if (!questions)
      return Promise.reject(
        new CodedError('CLUSTER_UNREACHABLE', `the agent of ${cluster} is not connected`),
      );
    return questions.ask((id, deadlineMillis) => ({ id, deadlineMillis, ask }));
  }

  #sync(cluster: string, call: ServerDuplexStream<SyncMessage, SyncMessage>): void {
    const { clock, log } = this.#hub;
    const reports = this.#reports.get(cluster) ?? new Reports();
    this.#reports.set(cluster, reports);
    const session = new AgentSync(cluster, call, this.#hub, reports);
    this.#sessions.add(session);
    this.#hub.updateShard(cluster, (shard) => ({ ...shard, link: { kind: 'CONNECTED' } }));
    log.info({ cluster }, 'agent connected');
    call.on('data', (message: SyncMessage) => session.hear(message));
    let over = false;
    const ended = () => {
      if (over) return;
      over = true;
      if (!this.#sessions.remove(session)) return;
      this.#hub.updateShard(cluster, (shard) => ({
        ...shard,
        link: { kind: 'UNREACHABLE', since: clock.now() },
      }));
      log.info({ cluster }, 'agent gone');
      call.end();
    };
    call.on('end', ended).on('cancelled', ended).on('error', ended).on('close', ended);
  }

  #health(cluster: string, call: ServerDuplexStream<HealthReport, number>): void {
    call.on('data', (report: HealthReport) => {
      this.#hub.updateShard(cluster, (shard) => withHealth(shard, report, this.#hub.clock.now()));
      call.write(report.sequence);
    });
    endWith(call);
  }

  #answer(cluster: string, call: ServerDuplexStream<Reply, Question>): void {
    const { clock, random } = this.#hub;
    const questions = new Questions<Question, Answer>(
      clock,
      () => random.id(),
      (question) => call.write(question),
    );
    this.#questions.set(cluster, questions);
    call.on('data', (reply: Reply) => {
      if (reply.kind === 'answer') questions.answer(reply.id, reply.answer);
      else questions.refuse(reply.id, reply.message);
    });
    const ended = () => {
      questions.end();
      if (this.#questions.get(cluster) === questions) this.#questions.delete(cluster);
    };
    call.on('end', ended).on('cancelled', ended).on('error', ended);
    endWith(call);
  }

  #identified(call: Call, serve: (cluster: string) => void): void {
    try {
      serve(this.#clusterOf(call));
    } catch (error) {
      call.emit('error', grpcError(error));
    }
  }

  #clusterOf(call: Call): string {
    const certificate = call.getAuthContext().sslPeerCertificate as { raw?: Buffer } | undefined;
    const judged = identifyAgent(
      certificate?.raw,
      this.#hub.linkCa,
      this.#hub.snapshot(),
      this.#hub.clock.now(),
    );
    if (judged.ok) return judged.value;
    throw new CodedError(judged.error.code, judged.error.message);
  }
}

function endWith(call: Call & { end(): unknown }): void {
  call.on('end', () => call.end());
  call.on('error', () => undefined);
}

type Unary = (call: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<unknown>) => void;

function unary(
  answer: (request: unknown, call: ServerUnaryCall<unknown, unknown>) => Promise<unknown>,
): Unary {
  return (call, reply) => {
    Promise.resolve()
      .then(() => answer(call.request, call))
      .then((value) => reply(null, value))
      .catch((error: unknown) => reply(grpcError(error)));
  };
}

const codes: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  TOKEN_UNKNOWN: status.UNAUTHENTICATED,
  TOKEN_USED: status.UNAUTHENTICATED,
  TOKEN_EXPIRED: status.UNAUTHENTICATED,
  TOKEN_OTHER_CLUSTER: status.PERMISSION_DENIED,
  CONFLICT: status.ALREADY_EXISTS,
  BAD_CSR: status.INVALID_ARGUMENT,
  TOO_MANY: status.RESOURCE_EXHAUSTED,
};

/** The one place that turns the hub's errors into gRPC statuses; what is unexpected is not told. */
function grpcError(error: unknown): { code: number; details: string } {
  if (error instanceof CodedError && codes[error.code] !== undefined)
    return { code: codes[error.code] ?? status.INTERNAL, details: `${error.code}: ${error.message}` };
  return { code: status.INTERNAL, details: 'the hub failed; its log says why' };
}
