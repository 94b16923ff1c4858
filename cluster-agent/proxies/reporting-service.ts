import { status, type sendUnaryData, type ServerReadableStream } from '@grpc/grpc-js';
import { proxyReportLimits } from '@isthmus/api/domain/proxy-report.ts';
import type { ReadReport } from '@isthmus/api/domain/proxy-report.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { ClientId } from '../keys/names.ts';
import type { Allowed } from './proxy-facts.ts';
import type { ProxyReports } from './proxy-reports.ts';

type Call = ServerReadableStream<ReadReport, object>;

export interface Refusal {
  readonly code: status;
  readonly details: string;
}

interface Deps {
  /**
   * Which proxy reports, by the first message's node id and the token of the call; a refusal for a caller that may not
   * be this proxy, or has no xDS stream of it open on the same connection.
   */
  readonly clientOf: (call: Call, nodeId: string) => Result<ClientId, Refusal>;
  readonly allowed: (call: Call, client: ClientId) => Allowed;
  readonly reports: ProxyReports;
  readonly clock: Clock;
  readonly lines: LimitedLines;
}

/** Streams of reports that are open, by the id of their xDS client. A newer one ends the older one. */
export class ReportingService {
  readonly #deps: Deps;
  readonly #open = new Map<ClientId, Reporting>();
  /** By connection: a stream that is opened again begins with what is left. */
  readonly #rate: RateLimit;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#rate = new RateLimit(deps.clock, proxyReportLimits.perSecond, proxyReportLimits.burst);
  }

  handlers() {
    return {
      report: (call: Call, reply: sendUnaryData<object>): void => {
        const reporting = new Reporting(this.#deps, call, reply, {
          mayTake: () => this.#rate.take(call.getPeer()),
          begun: (client) => this.#begun(client, reporting),
          ended: (client) => {
            if (this.#open.get(client) !== reporting) return;
            this.#open.delete(client);
            this.#deps.reports.ended(client);
          },
        });
      },
    };
  }

  /** The xDS stream of this proxy has ended. */
  end(client: ClientId): void {
    this.#open.get(client)?.end({ code: status.ABORTED, details: 'the xDS stream of this proxy has ended' });
  }

  #begun(client: ClientId, reporting: Reporting): void {
    this.#open
      .get(client)
      ?.end({ code: status.ABORTED, details: 'a newer report of this proxy has taken over' });
    this.#open.set(client, reporting);
  }
}

interface Hooks {
  readonly mayTake: () => boolean;
  readonly begun: (client: ClientId) => void;
  readonly ended: (client: ClientId) => void;
}

/** One stream, from its opening to its end. */
class Reporting {
  readonly #deps: Deps;
  readonly #call: Call;
  readonly #reply: sendUnaryData<object>;
  readonly #hooks: Hooks;
  readonly #cancelTimer: () => void;
  #client: ClientId | undefined;
  #isOver = false;

  constructor(deps: Deps, call: Call, reply: sendUnaryData<object>, hooks: Hooks) {
    this.#deps = deps;
    this.#call = call;
    this.#reply = reply;
    this.#hooks = hooks;
    const timer = deps.clock.after(proxyReportLimits.firstMessageMillis, () =>
      this.end({
        code: status.DEADLINE_EXCEEDED,
        details: `no report came within ${proxyReportLimits.firstMessageMillis} ms: send the first one at once`,
      }),
    );
    this.#cancelTimer = () => timer.cancel();
    call.on('data', (report: ReadReport) => this.#take(report));
    call.on('end', () => this.end(undefined));
    for (const event of ['cancelled', 'error']) call.on(event, () => this.end(undefined));
  }

  end(refusal: Refusal | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    if (this.#client !== undefined) this.#hooks.ended(this.#client);
    if (refusal === undefined) this.#reply(null, {});
    else this.#reply(refusal);
  }

  #take(report: ReadReport): void {
    if (this.#isOver) return;
    const { perSecond, burst } = proxyReportLimits;
    if (!this.#hooks.mayTake())
      return this.#refuse({
        code: status.RESOURCE_EXHAUSTED,
        details: `more than ${burst} reports at once and ${perSecond} a second: send what changed once a second`,
      });
    const client = this.#client === undefined ? this.#begin(report) : ok(this.#client);
    if (!client.ok) return this.#refuse(client.error);
    this.#deps.reports.take(client.value, report, this.#deps.allowed(this.#call, client.value));
  }

  #begin(report: ReadReport): Result<ClientId, Refusal> {
    this.#cancelTimer();
    const client = this.#deps.clientOf(this.#call, report.nodeId);
    if (!client.ok) return err(client.error);
    this.#client = client.value;
    this.#hooks.begun(client.value);
    this.#deps.reports.begin(client.value, report.startedAt);
    return client;
  }

  #refuse(refusal: Refusal): void {
    const { code, details } = refusal;
    const fields = { peer: this.#call.getPeer(), proxy: this.#client, details };
    this.#deps.lines.warn(`report/${code}`, fields, 'a report of a proxy was refused');
    this.end(refusal);
  }
}
