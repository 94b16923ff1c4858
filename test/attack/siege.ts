import assert from 'node:assert/strict';
import { atMost, orGap } from './bound.ts';
import { drive } from './drive.ts';
import type { Job, Outcome } from './job.ts';
import { attackSeconds, mebibyte, timeScale, withinMillis } from './measured.ts';
import { AttackTarget } from './target.ts';
import { honestTraffic, Victim, type Served } from './victim.ts';

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

interface Attack extends Partial<
  Pick<Job, 'connections' | 'seconds' | 'variant' | 'count' | 'streams' | 'authority' | 'from'>
> {
  readonly attack: string;
}

interface Expected {
  /** Every session of the attack is ended by the target, within this many milliseconds of its first frame. */
  readonly closedWithin?: number;
  /** MiB. */
  readonly growth?: number;
  /** MiB of it that the C library keeps for the next time, beside the 10 % that may stay. */
  readonly kept?: number;
  /** What is known to be missing, so that V's p99 and the growth of memory are printed as gaps and not asserted. */
  readonly gap?: string;
  /** How the proxy may say that it was attacked, one of these; none when the attack is nothing but load. */
  readonly recorded?: readonly Recorded[];
}

/** A metric that grows, and a part of the line that is logged. */
export interface Recorded {
  readonly metric: string;
  readonly line: string;
}

/** A peer that broke HTTP/2 or a limit of one session, and one that has used up its share of resets. */
export const broken: Recorded = { metric: 'isthmus_sessions_broken_total', line: 'SESSION_BROKEN' };
export const overResets: Recorded = { metric: 'isthmus_peer_limited_total', line: 'PEER_LIMIT_RESETS' };

/** How an attack went, and the bytes that the target's memory grew by at most meanwhile. */
interface Withstood extends Outcome {
  readonly grownBytes: number;
}

/** One target under one attack after another, with probe V on it: what every attack class must hold. */
export class Siege {
  readonly target: AttackTarget;
  readonly #victim: Victim;
  readonly #baseline: Served;
  /** Bytes in memory after honest traffic: a proxy that was idle since has given some back, which anyone may make it take. */
  readonly #usedBytes: number;
  #attackers = 0;

  private constructor(target: AttackTarget, victim: Victim, baseline: Served) {
    this.target = target;
    this.#victim = victim;
    this.#baseline = baseline;
    this.#usedBytes = target.rss;
  }

  static async begin(): Promise<Siege> {
    const target = await AttackTarget.start();
    await honestTraffic(target);
    const victim = await Victim.open(target);
    victim.start();
    await pause(2000);
    const baseline = await victim.stop();
    const { p50, p99, requests } = baseline;
    console.log(`      V alone: ${requests} requests, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
    return new Siege(target, victim, baseline);
  }

  async end(): Promise<void> {
    this.#victim.close();
    await this.target.stop();
  }

  /** A job for the driver, from an identity and an address that no other attack has used. */
  job({ attack, ...over }: Attack): Job {
    const { address, authority } = this.target;
    const { key, chain } = this.target.leaf(`mallory-${++this.#attackers}`);
    const localAddress = this.target.cluster.outside(this.#attackers);
    const aim = { host: address, port: 15_008, localAddress, key, chain };
    return { ...aim, authority, connections: 1, seconds: attackSeconds, ...over, attack };
  }

  /**
   * The attack, and the default pass line: V has no error and is not slowed down, the target's memory stays and comes
   * back, no session is left, the process is the same, and it says what happened.
   */
  async withstand(
    attack: Attack,
    { closedWithin, growth = 64, kept = 0, recorded = [], gap }: Expected,
  ): Promise<Withstood> {
    const { target } = this;
    const job = this.job(attack);
    const [rss, open, counted] = [target.rss, await this.#open(), await this.#counted(recorded)];
    const [logged, cpu] = [target.log().length, target.cpuMillis];
    const watch = watchRss(target);
    this.#victim.start();
    const outcome = await drive(job);
    const ended = performance.now();
    const used = target.cpuMillis - cpu;
    // An attack that was over at once is measured over the same time as one that was not.
    await pause(Math.max(0, attackSeconds * 1000 - outcome.millis));
    const served = await this.#victim.stop();
    summary(job, outcome, used);
    if (closedWithin !== undefined) assertClosed(outcome, closedWithin);
    this.#assertServed(served, gap);
    await this.#assertGone(open, ended);
    // V goes on meanwhile: a process that does nothing collects no garbage.
    this.#victim.start();
    const grownBytes = await assertMemory(target, { before: rss, used: this.#usedBytes }, watch(), {
      growth,
      kept,
      gap,
    }).finally(() => this.#victim.stop());
    assert.ok(target.alive, 'the proxy ended');
    if (recorded.length > 0) await this.#assertRecorded(recorded, counted, logged, outcome.millis / 1000);
    return { ...outcome, grownBytes };
  }

  #assertServed({ requests, errors, p50, p99 }: Served, gap: string | undefined): void {
    atMost(`V, errors of ${requests} requests`, errors.length, 0);
    const bound = Math.max(50, 5 * this.#baseline.p99);
    withinMillis('V, p50', p50, bound);
    orGap(gap, () => withinMillis('V, p99', p99, bound));
  }

  #open = (): Promise<number> => this.target.metric('isthmus_connections_open');

  /** V's own session and tunnel go on. */
  async #assertGone(before: number, ended: number): Promise<void> {
    const deadline = ended + 5000 * timeScale;
    while ((await this.#open()) > before && performance.now() < deadline) await pause(50);
    atMost('sessions and tunnels of the attack that are open 5 s later', (await this.#open()) - before, 0);
  }

  #counted(recorded: readonly Recorded[]): Promise<readonly number[]> {
    return Promise.all(recorded.map(({ metric }) => this.target.metric(metric)));
  }

  async #assertRecorded(
    recorded: readonly Recorded[],
    before: readonly number[],
    logged: number,
    seconds: number,
  ) {
    const after = await this.#counted(recorded);
    const lines = this.target.log().slice(logged).split('\n');
    const seen = recorded.map(({ metric, line }, i) => {
      const said = lines.filter((one) => one.includes(line)).length;
      return { metric, line, said, grew: after[i]! - before[i]! };
    });
    for (const { metric, line, said, grew } of seen)
      console.log(`      recorded: ${metric} +${grew}, ${said} lines with ${line}`);
    const names = recorded.map(({ line }) => line).join(' or ');
    assert.ok(
      seen.some(({ said, grew }) => said > 0 && grew > 0),
      `no line and metric tell of ${names}`,
    );
    const most = (Math.max(attackSeconds, seconds) + 15) * timeScale;
    for (const { line, said } of seen) assert.ok(said <= most, `${said} lines say ${line}: one a second do`);
  }
}

function summary(
  { attack, connections, variant = '' }: Job,
  { sessions, unopened, millis, flooded }: Outcome,
  cpu: number,
): void {
  const name = `      ${attack} ${variant}`.trimEnd();
  if (flooded) {
    const { begun, unconnected, slowest } = flooded;
    console.log(
      `${name}: ${connections} at once for ${Math.round(millis)} ms, ${begun} begun, ${unconnected} not connected, ` +
        `the slowest connected after ${Math.round(slowest)} ms, and the proxy used ${cpu} ms of a processor`,
    );
    return;
  }
  const sum = (field: 'sent' | 'accepted' | 'refused' | 'reset') =>
    sessions.reduce((total, one) => total + one[field], 0);
  const closed = sessions.filter(({ closedAfter }) => closedAfter !== null).length;
  console.log(
    `${name}: ${connections} connections for ${Math.round(millis)} ms, ${sessions.length} sessions (${unopened} none), ` +
      `${sum('sent')} sent, ${sum('accepted')} accepted, ${sum('refused')} refused, ${sum('reset')} reset, ` +
      `${closed} sessions ended by the proxy, which used ${cpu} ms of a processor`,
  );
}

function assertClosed({ sessions }: Outcome, bound: number): void {
  assert.ok(sessions.length > 0, 'no session came about');
  const left = sessions.filter(({ closedAfter }) => closedAfter === null).length;
  atMost('sessions of the attack that the proxy did not end', left, 0);
  withinMillis(
    'the last of them ended after',
    Math.max(...sessions.map((one) => one.closedAfter ?? 0)),
    bound,
  );
}

/** The most that the target has had in memory until the function is called. */
function watchRss(target: AttackTarget): () => number {
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, target.rss)), 50);
  return () => {
    clearInterval(timer);
    return Math.max(most, target.rss);
  };
}

async function assertMemory(
  target: AttackTarget,
  { before, used }: { readonly before: number; readonly used: number },
  most: number,
  { growth, kept, gap }: { growth: number; kept: number; gap: string | undefined },
): Promise<number> {
  const from = `memory, from ${Math.round(before / mebibyte)} MiB, grew by`;
  orGap(gap, () => atMost(from, (most - before) / mebibyte, growth, ' MiB'));
  const began = performance.now();
  const settled = Math.max(before, used) + kept * mebibyte;
  const limit = settled * 1.1;
  const patience = gap === undefined ? 60_000 : 5000;
  while (target.rss > limit && performance.now() - began < patience) await pause(100);
  const over = Math.max(0, (target.rss / settled - 1) * 100);
  const was = before < used ? 'what honest traffic had left' : 'what it was';
  const than = kept > 0 ? `${was} and ${kept} MiB` : was;
  const waited = Math.round((performance.now() - began) / 1000);
  orGap(gap, () => atMost(`memory, ${waited} s later, over ${than}`, over, 10, ' %'));
  return Math.max(0, most - before);
}
