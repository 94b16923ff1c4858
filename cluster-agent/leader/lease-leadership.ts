import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { leases } from '@isthmus/api/kube/resources.ts';
import { sleep, type Clock, type Timer } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Leader, Leadership } from './leadership.ts';
import { leaseObject, leasePlace, readLease, type Lease } from './lease.ts';
import {
  fence,
  isTwin,
  leadsAt,
  nextStep,
  unread,
  withRead,
  withRenewal,
  withTry,
  type LeaseState,
} from './lease-state.ts';

/** An API server that does not answer within this is asked again, milliseconds. What it answers later does not count. */
const patience = 5000;
/** What fails for no longer than this is no condition, milliseconds. */
const graceMillis = 5000;
/** For giving the Lease up at the end. */
const lastPatience = 400;

interface Deps {
  readonly api: ApiServer;
  /** Of the agent's own pod. */
  readonly namespace: string;
  /** The pod's name. */
  readonly id: string;
  /** host:port where this replica takes what others know of their proxies. */
  readonly address: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Leads while it holds the Lease `isthmus-agent`. What it does next is in `lease-state.ts`. */
export class LeaseLeadership implements Leadership {
  readonly id: string;
  readonly #deps: Deps;
  readonly #lines: LimitedLines;
  readonly #listeners: (() => void)[] = [];
  #state: LeaseState;
  #stamped: number;
  /** Which call is waited for. */
  #turn = 0;
  #fence: Timer | undefined;
  /** Since when no call is answered, monotonic milliseconds, and why the last one was not. */
  #failing: { readonly since: number; readonly why: string } | undefined;
  #shown = JSON.stringify([false, undefined]);

  constructor(deps: Deps) {
    this.id = deps.id;
    this.#deps = deps;
    this.#lines = new LimitedLines(deps.clock, deps.log);
    this.#state = unread(deps.id);
    this.#stamped = Math.floor(deps.random.fraction() * 1000);
  }

  leads(): boolean {
    return leadsAt(this.#state, this.#deps.clock.monotonic());
  }

  get leader(): Leader | undefined {
    const lease = this.#state.seen?.lease;
    return lease && lease.holder !== '' ? { id: lease.holder, address: lease.address } : undefined;
  }

  /** That the Lease cannot be read or renewed, which is seen before a watch that says nothing. */
  conditions(): readonly Condition[] {
    const { clock, namespace } = this.#deps;
    if (!this.#failing || clock.monotonic() - this.#failing.since < graceMillis) return [];
    return [
      {
        type: 'LeaseRenewed',
        status: 'False',
        reason: 'LEASE_NOT_RENEWED',
        severity: 'ERROR',
        object: `Lease ${namespace}/${leasePlace(namespace).name}`,
        message: `this replica can neither read nor renew its Lease, and without it reports and writes nothing; what is in force stays: ${this.#failing.why}`,
        remedy:
          'restore the API server, or the way from the agent to it, and let the role of the agent get, create and update the Lease; the agent tries again each second',
      },
    ];
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    let isFresh = false;
    while (!signal.aborted) {
      const step = nextStep(this.#state, clock.monotonic(), isFresh);
      if (step.kind === 'WAIT') {
        await sleep(clock, step.millis, signal).catch(() => undefined);
        isFresh = false;
        continue;
      }
      isFresh = await this.#within(patience, step.kind === 'READ' ? this.#read() : this.#renew());
      this.#tell();
      // Without an answer the Lease is as it was: it is asked again soon, not at once.
      if (!isFresh) await sleep(clock, 1000, signal).catch(() => undefined);
    }
    await this.#giveUp();
  }

  /** Whether it was answered in time. */
  async #within(millis: number, call: Promise<void>): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const [turn, begin] = [this.#turn, this.#deps.clock.monotonic()];
    const failed = (why: string) => (this.#failing = { since: this.#failing?.since ?? begin, why });
    const timer = this.#deps.clock.after(millis, () => {
      failed(`the API server did not answer within ${millis} ms`);
      late.resolve(false);
    });
    const answered = call.then(
      () => true,
      (error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#lines.warn('lease', { error: why }, 'the Lease of the agent could not be read or renewed');
        if (turn === this.#turn) failed(why);
        return false;
      },
    );
    const isAnswered = await Promise.race([answered, late.promise]);
    timer.cancel();
    if (isAnswered) this.#failing = undefined;
    this.#turn++;
    return isAnswered;
  }

  async #read(): Promise<void> {
    const { api, namespace, clock } = this.#deps;
    const turn = this.#turn;
    const lease = await api.get(leases, leasePlace(namespace)).then(understood, absent);
    if (turn === this.#turn) this.#take(withRead(this.#state, lease, clock.monotonic()));
  }

  async #renew(): Promise<void> {
    const { api, namespace, address, clock } = this.#deps;
    const turn = this.#turn;
    const before = this.#state.seen?.lease;
    const sentAt = clock.monotonic();
    const renewTime = this.#stamp();
    this.#state = withTry(this.#state, renewTime, sentAt);
    const object = leaseObject(namespace, before, { holder: this.id, address, renewTime });
    try {
      const answer = before
        ? await api.replace(leases, leasePlace(namespace), object)
        : await api.create(leases, namespace, object);
      if (turn === this.#turn)
        this.#take(withRenewal(this.#state, understood(answer), sentAt, clock.monotonic()));
    } catch (error) {
      // Another one has written it, or the answer to the last renewal was lost.
      if (!isCode(error, 'API_CONFLICT') && !isCode(error, 'API_NOT_FOUND')) throw error;
      await this.#read();
    }
  }

  /** Each renewal has another one, also when the wall clock stands: the last three digits of microseconds are counted. */
  #stamp(): string {
    const { clock } = this.#deps;
    const millis = new Date(clock.now()).toISOString().slice(0, -1);
    return `${millis}${String(this.#stamped++ % 1000).padStart(3, '0')}Z`;
  }

  /** So that another replica need not wait for the Lease to run out. */
  async #giveUp(): Promise<void> {
    const { api, namespace } = this.#deps;
    const before = this.#state.seen?.lease;
    const led = this.leads();
    this.#take({ ...this.#state, renewedAt: undefined });
    if (!led || !before) return;
    const object = leaseObject(namespace, before, { holder: '', address: '', renewTime: this.#stamp() });
    await this.#within(
      lastPatience,
      api.replace(leases, leasePlace(namespace), object).then(() => undefined),
    );
  }

  #take(state: LeaseState): void {
    const { clock, log } = this.#deps;
    this.#state = state;
    const lease = state.seen?.lease;
    if (lease && isTwin(state, lease))
      this.#lines.warn(
        'twin',
        { code: 'AGENT_DUPLICATE', replica: this.id },
        'another agent has the name of this replica and holds its Lease: stop one of them',
      );
    this.#fence?.cancel();
    if (state.renewedAt !== undefined)
      this.#fence = clock.after(Math.max(0, state.renewedAt + fence - clock.monotonic()), () => {
        log.warn({ replica: this.id }, 'the Lease was not renewed in time: this replica does not lead now');
        this.#tell();
      });
    this.#tell();
  }

  #tell(): void {
    const shown = JSON.stringify([this.leads(), this.leader]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}

function understood(object: unknown): Lease {
  const lease = readLease(object);
  if (lease) return lease;
  throw new ApiFailure(
    'API_MALFORMED',
    'the Lease isthmus-agent has no resourceVersion: look at what answers in place of the API server',
  );
}

function absent(error: unknown): undefined {
  if (!isCode(error, 'API_NOT_FOUND')) throw error;
}

const isCode = (error: unknown, code: ApiFailure['code']): boolean =>
  error instanceof ApiFailure && error.code === code;
