import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Question, Reply } from '@isthmus/api/domain/question.ts';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { linkService } from '@isthmus/api/grpc/services.ts';
import { downTypes, upTypes, type SyncMessage } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { certificatePem, type Issuer } from '@isthmus/mesh/pki/issue.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { serverPair } from './link-listener.ts';

type SyncCall = ServerDuplexStream<SyncMessage, SyncMessage>;

/** One of several replicas of a hub that has nothing to send: it takes what agents report, and keeps who asked for what. */
export class HubReplica {
  readonly #listener: GrpcListener;
  readonly #calls = new Set<SyncCall>();
  endpoint = '';
  /** Types that agents have asked for on the streams that are open. */
  asked = new Set<string>();
  /** Names of reports that came, by type. */
  readonly reported = new Set<string>();
  /** Health reports that came. */
  readonly health: HealthReport[] = [];
  takesChanges = false;
  /** It has lost the counts: the next report with changes is refused. */
  refuses = false;
  readonly #questions = new Set<ServerDuplexStream<Reply, Question>>();
  readonly answers: Reply[] = [];
  readonly #types: readonly string[];

  /** `types`: what it knows of what goes down. */
  constructor(ca: Issuer, types: readonly string[] = downTypes) {
    this.#types = types;
    this.#listener = new GrpcListener({
      certificates: new Certificates(serverPair(ca), certificatePem(ca.certificate)),
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: systemClock,
      log: silentLog,
    });
    this.#listener.addService(linkService, {
      sync: (call: SyncCall) => this.#sync(call),
      health: (call: ServerDuplexStream<HealthReport, HealthAnswer>) =>
        call.on('data', (report: HealthReport) => {
          this.health.push(report);
          if (!report.partial) call.write(this.#answerTo(report));
        }),
      answer: (call: ServerDuplexStream<Reply, Question>) => {
        this.#questions.add(call);
        call.on('data', (reply: Reply) => this.answers.push(reply));
      },
    });
  }

  async start(): Promise<this> {
    this.endpoint = `127.0.0.1:${await this.#listener.listen('127.0.0.1:0', '--link-listen')}`;
    return this;
  }

  ask(question: Question): void {
    for (const call of this.#questions) call.write(question);
  }

  /** Ends all links that stand. */
  endLinks(): void {
    this.asked = new Set();
    for (const call of this.#calls) call.emit('error', { code: 14, details: 'the replica restarts' });
  }

  stop(): Promise<void> {
    this.endLinks();
    return this.#listener.close();
  }

  #answerTo({ sequence, changes }: HealthReport): HealthAnswer {
    const isRefused = this.refuses && changes !== undefined;
    if (isRefused) this.refuses = false;
    return { sequence, takesChanges: this.takesChanges, isRefused };
  }

  #sync(call: SyncCall): void {
    this.#calls.add(call);
    call.on('cancelled', () => this.#calls.delete(call));
    const systemVersion = { epoch: 1n, revision: 1n };
    const down = new ServerSession({
      types: this.#types,
      lookup: () => ({ resources: new Map(), systemVersion, complete: true }),
    });
    const up = new ClientSession(upTypes);
    const answers = up.open().map((request): SyncMessage => ({ kind: 'request', request }));
    const pump = new Pump(call, () => answers.shift() ?? responseOf(down));
    call.on('data', (message: SyncMessage) => {
      if (message.kind === 'request') {
        this.asked.add(message.request.type);
        down.request(message.request);
      } else {
        for (const { name } of message.response.resources)
          this.reported.add(`${message.response.type}/${name}`);
        answers.push({ kind: 'request', request: up.response(message.response, () => []) });
      }
      pump.wake();
    });
    pump.wake();
  }
}

const responseOf = (session: ServerSession): SyncMessage | undefined => {
  const response = session.next();
  return response && { kind: 'response', response };
};
