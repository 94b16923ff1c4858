import { emptyReport, type ProxyReport } from '@isthmus/api/domain/proxy-report.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { difference, messagesOf, received, type Parts } from './difference.ts';
import { noFacts, type ProxyFacts } from './facts.ts';

/** Between two messages, milliseconds: the receiver takes one a second. */
const betweenMessages = 1000;
/** Counts are gathered for this long, milliseconds, unless there is news. */
const betweenCounts = 10_000;

/** Where reports go. `write` is false when the stream takes no more until `drained`. */
export interface ReportStream {
  write(report: ProxyReport): boolean;
}

interface Deps {
  readonly clock: Clock;
  readonly facts: () => ProxyFacts;
  readonly sender: Pick<ProxyReport, 'nodeId' | 'startedAt'>;
}

/** Sends what changed about this proxy over the stream that is open, one message a second at most. */
export class Reporter {
  readonly #deps: Deps;
  #stream: ReportStream | undefined;
  #sent: ProxyFacts = noFacts;
  /** Messages of one difference that wait for their second. */
  #waiting: readonly ProxyReport[] = [];
  #timer: Timer | undefined;
  /** Monotonic milliseconds: when the timer runs out. */
  #lookAt = 0;
  #takesMore = true;
  /** Monotonic milliseconds. */
  #countsDue = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A stream begins with everything, and takes the place of an earlier one. */
  open(stream: ReportStream): void {
    this.#end();
    this.#stream = stream;
    this.#sent = noFacts;
    this.#takesMore = true;
    const now = this.#deps.facts();
    const first = difference(noFacts, now, 'ALL') ?? emptyReport;
    this.#sent = received(noFacts, now, 'ALL');
    this.#countsDue = this.#deps.clock.monotonic() + betweenCounts;
    this.#waiting = messagesOf(first, this.#deps.sender);
    this.#writeNext();
  }

  /** This stream has ended. That of an earlier one, which comes late, ends nothing. */
  close(stream: ReportStream): void {
    if (this.#stream === stream) this.#end();
  }

  #end(): void {
    this.#stream = undefined;
    this.#waiting = [];
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Certificates or ports may differ. */
  news(): void {
    this.#lookWithin(betweenMessages);
  }

  /** Counts may differ: they go with the next news, or after ten seconds. */
  counted(): void {
    this.#lookWithin(Math.max(betweenMessages, this.#countsDue - this.#deps.clock.monotonic()));
  }

  /** The stream takes more. */
  drained(stream: ReportStream): void {
    if (this.#stream !== stream) return;
    this.#takesMore = true;
    this.news();
  }

  /** News does not wait for a look at counts. */
  #lookWithin(millis: number): void {
    const { clock } = this.#deps;
    const at = clock.monotonic() + millis;
    if (!this.#stream || (this.#timer && this.#lookAt <= at)) return;
    this.#timer?.cancel();
    this.#lookAt = at;
    this.#timer = clock.after(millis, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    if (!this.#stream || !this.#takesMore) return;
    if (this.#waiting.length === 0) this.#prepare();
    this.#writeNext();
  }

  #prepare(): void {
    const { clock, facts } = this.#deps;
    const now = facts();
    const parts: Parts = clock.monotonic() >= this.#countsDue ? 'ALL' : 'NEWS';
    const report = difference(this.#sent, now, parts);
    this.#sent = received(this.#sent, now, parts);
    if (parts === 'ALL') this.#countsDue = clock.monotonic() + betweenCounts;
    if (report) this.#waiting = messagesOf(report, undefined);
    if (parts === 'NEWS' && difference(this.#sent, now, 'ALL')) this.counted();
  }

  #writeNext(): void {
    const [next, ...rest] = this.#waiting;
    if (!next || !this.#stream) return;
    this.#waiting = rest;
    this.#takesMore = this.#stream.write(next);
    if (rest.length > 0) this.news();
  }
}
