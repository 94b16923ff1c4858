import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { ask, foreignSession } from '../fakes/foreign-client.ts';
import type { AttackTarget } from './target.ts';

const request = Buffer.alloc(1024, 'v');
const everyMillis = 10;
/** An answer that has not come by then is an error. */
const patience = 10_000;

export interface Served {
  readonly requests: number;
  readonly errors: readonly string[];
  /** Milliseconds from when a request was due. */
  readonly p50: number;
  readonly p99: number;
}

/** Probe V: an honest peer with one HBONE tunnel, over which it sends 1 KiB every 10 ms and has it echoed. */
export class Victim {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #due: number[] = [];
  #errors: string[] = [];
  #taken: number[] = [];
  #bytes = 0;
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(session: ClientHttp2Session, stream: ClientHttp2Stream) {
    this.#session = session;
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#hear(chunk.length));
    stream.once('close', () => this.#errors.push(`the tunnel closed with code ${stream.rstCode}`));
  }

  static async open(target: AttackTarget): Promise<Victim> {
    const session = await foreignSession(target.leaf('front'), target.address);
    const stream = ask(session, target.authority);
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
    if (answer[':status'] !== 200) throw new Error(`the victim was answered ${String(answer[':status'])}`);
    return new Victim(session, stream);
  }

  start(): void {
    [this.#errors, this.#taken] = [[], []];
    this.#next = performance.now();
    this.#timer = setInterval(() => this.#tick(), everyMillis / 2);
  }

  /** Waits for what is under way. */
  async stop(): Promise<Served> {
    clearInterval(this.#timer);
    const end = performance.now() + patience;
    while (this.#due.length > 0 && !this.#stream.closed && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const unanswered = this.#due.splice(0).map(() => 'a request was not answered');
    const sorted = this.#taken.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
    const requests = sorted.length + unanswered.length;
    return { requests, errors: [...this.#errors, ...unanswered], p50: at(0.5), p99: at(0.99) };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#session.destroy();
  }

  /** Sends what has fallen due, so that a late timer hides nothing. */
  #tick(): void {
    for (; this.#next <= performance.now(); this.#next += everyMillis) {
      if (this.#stream.closed) return;
      this.#due.push(this.#next);
      this.#stream.write(request);
    }
  }

  #hear(length: number): void {
    this.#bytes += length;
    for (; this.#bytes >= request.length && this.#due.length > 0; this.#bytes -= request.length)
      this.#taken.push(performance.now() - this.#due.shift()!);
  }
}

const [rounds, sessionsARound, tunnels] = [8, 40, 10];

/**
 * What any proxy has behind it that has run for a while: 320 sessions of honest peers, 40 at once, with tunnels that
 * ended well. A heap that has never been used grows by more than 10 % whatever comes first.
 */
export async function honestTraffic(target: AttackTarget): Promise<void> {
  const credentials = target.leaf('front');
  for (let round = 0; round < rounds; round++) {
    const sessions = await Promise.all(
      Array.from({ length: sessionsARound }, () => foreignSession(credentials, target.address)),
    );
    for (const session of sessions)
      await Promise.all(Array.from({ length: tunnels }, () => oneTunnel(session, target.authority)));
    const closed = sessions.map((session) => new Promise((resolve) => session.once('close', resolve)));
    for (const session of sessions) session.close();
    await Promise.all(closed);
  }
}

async function oneTunnel(session: ClientHttp2Session, authority: string): Promise<void> {
  const stream = ask(session, authority);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.resume().end(Buffer.alloc(16 * 1024));
  await closed;
}
