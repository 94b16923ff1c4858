import { createHash } from 'node:crypto';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Live } from '../state/live.ts';
import type { Recorded, Store } from '../store/store.ts';
import type { Command, Decision, UserError } from './command.ts';
import { refusal } from './refuse.ts';
import { changesNothing } from './unchanged.ts';
import { warning, type Warning } from './warning.ts';

/** What every mutation's input has beside its own fields. */
export interface CommandOptions {
  readonly actor: string;
  readonly dryRun: boolean;
  readonly expectedRevision: number | undefined;
  readonly idempotencyKey: string;
  readonly reason: string;
}

export type Outcome<P> =
  | {
      readonly ok: true;
      readonly payload: P;
      readonly warnings: readonly Warning[];
      readonly revision: number;
      readonly durable: boolean;
      /** Everything was so already: no revision was made. */
      readonly unchanged: boolean;
    }
  | { readonly ok: false; readonly errors: readonly UserError[] };

/** How often a commit that lost a race with another is decided again. */
const attempts = 3;

/** Runs commands: dry runs, expected revisions, idempotency keys, audit and commit, once for all of them. */
export class CommandRunner {
  readonly #store: Store;
  readonly #live: Live;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(deps: { store: Store; live: Live; clock: Clock; random: Random }) {
    this.#store = deps.store;
    this.#live = deps.live;
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  async run<I, P>(command: Command<I, P>, input: I, options: CommandOptions): Promise<Outcome<P>> {
    for (let attempt = 1; ; attempt++) {
      const before = await this.#before(options);
      if (before) return repeated<P>(command.name, input, options, before);
      const decided = command.decide(this.#live.current, input, {
        ...{ now: this.#clock.now(), actor: options.actor, reason: options.reason },
        ...{ expectedRevision: options.expectedRevision, newId: () => this.#random.id() },
        newSecret: () => this.#random.bytes(32).toString('base64url'),
      });
      if (!decided.ok) return { ok: false, errors: decided.error };
      const { payload, warnings, shownOnce, writes } = decided.value;
      const { intent } = this.#live.current;
      const unchanged = changesNothing(intent, writes);
      const asItIs = { ok: true as const, payload, warnings, revision: intent.revision, unchanged };
      if (options.dryRun) return { ...asItIs, durable: false };
      // Under a key the commit is made all the same: it is what remembers that the key was used.
      if (unchanged && options.idempotencyKey === '') return { ...asItIs, durable: true };
      const whole = { ...payload, ...shownOnce };
      const result = await this.#commit(command.name, input, decided.value, options);
      if (result.kind === 'committed') {
        await this.#live.reached(result.revision);
        const { revision, durable } = result;
        return { ok: true, payload: whole, warnings, revision, durable, unchanged };
      }
      if (result.kind === 'repeated') {
        await this.#live.reached(result.entry.revision);
        return repeated<P>(command.name, input, options, result.entry);
      }
      if (result.kind === 'fenced')
        return failed(
          'FENCED',
          `this hub was replaced by another process on the same state folder (epoch ${result.epoch}): nothing was changed; send this to that one`,
        );
      const asked = options.expectedRevision !== undefined;
      if (asked || attempt === attempts)
        return failed(
          'STALE_REVISION',
          `${result.id} is at revision ${result.actual}, not ${result.expected}: read it again and decide anew`,
        );
      await this.#live.reached(result.revision);
    }
  }

  #commit<P>(name: string, input: unknown, decision: Decision<P>, options: CommandOptions) {
    const audit = {
      ...{ id: this.#random.id(), at: this.#clock.now(), actor: options.actor, action: name },
      ...{ subject: decision.subject, reason: options.reason, idempotencyKey: options.idempotencyKey },
      outcome: JSON.stringify({
        input: hashOf(input, options),
        payload: decision.payload,
        once: decision.shownOnce !== undefined,
      }),
    };
    return this.#store.commit({ writes: decision.writes, audit, fence: this.#live.current.epoch });
  }

  /** What the same key did before. A dry run does nothing, under a key or not. */
  #before({ actor, idempotencyKey, dryRun }: CommandOptions): Promise<Recorded | undefined> {
    if (idempotencyKey === '' || dryRun) return Promise.resolve(undefined);
    return this.#store.byIdempotencyKey(actor, idempotencyKey);
  }
}

/** The answer that the same key got before; another input under it is a mistake of the caller. */
function repeated<P>(name: string, input: unknown, options: CommandOptions, before: Recorded): Outcome<P> {
  const outcome = JSON.parse(before.outcome) as { input: string; payload: P; once: boolean };
  if (before.action !== name || outcome.input !== hashOf(input, options))
    return failed(
      'CONFLICT',
      `idempotencyKey '${options.idempotencyKey.slice(0, 60)}' was used for ${before.action} with another input: use a new key`,
    );
  const once = 'what is shown once was shown when this idempotency key was first used';
  const warnings = outcome.once ? [warning('SHOWN_ONCE', 'idempotencyKey', once)] : [];
  const { revision } = before;
  return { ok: true, payload: outcome.payload, warnings, revision, durable: true, unchanged: false };
}

const hashOf = (input: unknown, { expectedRevision }: CommandOptions): string =>
  createHash('sha256')
    .update(JSON.stringify([input, expectedRevision]))
    .digest('hex');

const failed = (code: string, message: string) => ({
  ok: false as const,
  errors: [refusal(code, code === 'CONFLICT' ? 'idempotencyKey' : '', message)],
});
