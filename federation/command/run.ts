import { createHash } from 'node:crypto';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Live } from '../state/live.ts';
import { storedOf } from '../state/intent.ts';
import type { AuditOutcome } from '../store/audit.ts';
import type { Intent, IntentKind, Recorded, Store } from '../store/store.ts';
import { Attempts } from './attempts.ts';
import { auditBody } from './audit-body.ts';
import type { UserErrorCode } from '../hub-error.ts';
import type { Command, Decision, UserError } from './command.ts';
import { redaction, textRedaction, type Redact, type RedactText } from './redact.ts';
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
  /** The whole input as it was sent, for the audit log; absent: the command's own. */
  readonly asked?: unknown;
  /** What of it the audit log has; absent: ALL. */
  readonly audited?: Audited;
}

/**
 * ALL: records what the command changes, and also refusals, dry runs and commands without effect. CHANGES: records only
 * what it changes; the listener that takes the call records denials. AS_SYSTEM: records only what it changes, as a step
 * of the hub itself.
 */
type Audited = 'ALL' | 'CHANGES' | 'AS_SYSTEM';

/** For what the hub does by itself. */
export const byHub = (reason: string): CommandOptions => ({
  actor: 'hub',
  dryRun: false,
  expectedRevision: undefined,
  idempotencyKey: '',
  reason,
  audited: 'AS_SYSTEM',
});

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
const maxTries = 3;

/** Runs commands: dry runs, expected revisions, idempotency keys, audit and commit, once for all of them. */
export class CommandRunner {
  readonly #store: Store;
  readonly #live: Live;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #redact: Redact;
  readonly #text: RedactText;
  /** What is recorded of those who were denied, and of what changed nothing. */
  readonly attempts: Attempts;

  /** `secrets`: what the audit log must never have, wherever a caller has put it; it may grow. */
  constructor(deps: { store: Store; live: Live; clock: Clock; random: Random; secrets?: readonly string[] }) {
    this.#text = textRedaction(deps.secrets ?? []);
    this.#redact = redaction(this.#text);
    const { store, clock } = deps;
    this.attempts = new Attempts({ store, clock, redact: this.#redact, text: this.#text });
    this.#store = deps.store;
    this.#live = deps.live;
    this.#clock = deps.clock;
    this.#random = deps.random;
  }

  /** Throws STORE_FAILED when the store has failed or is no longer followed; the message says whether the change is stored. */
  async run<I, P>(command: Command<I, P>, input: I, given: CommandOptions): Promise<Outcome<P>> {
    const meaning = command.meaning?.(input);
    const whole: unknown = given.asked ?? input;
    const asked = meaning ? { ...(whole as object), ...meaning } : whole;
    const options = { ...given, asked, reason: this.#text(given.reason) };
    const outcome = await this.#run(command, input, options);
    if (!outcome.ok)
      this.#record(command.name, options, {
        outcome: 'REFUSED',
        subject: command.subject?.(input) ?? '',
        errors: outcome.errors,
      });
    return outcome;
  }

  async #run<I, P>(command: Command<I, P>, input: I, options: CommandOptions): Promise<Outcome<P>> {
    for (let tries = 1; ; tries++) {
      const before = await this.#before(options);
      if (before) {
        await this.#live.reached(before.revision);
        return this.#repeated<P>(command.name, input, options, before);
      }
      this.#live.mustFollow();
      const decided = command.decide(this.#live.current, input, {
        now: this.#clock.now(),
        actor: options.actor,
        reason: options.reason,
        expectedRevision: options.expectedRevision,
        newId: () => this.#random.id(),
        newSecret: () => this.#random.bytes(32).toString('base64url'),
      });
      if (!decided.ok) return { ok: false, errors: decided.error };
      const { payload, warnings, shownOnce, writes } = decided.value;
      const { intent } = this.#live.current;
      const unchanged = changesNothing(intent, writes);
      const asItIs = { ok: true as const, payload, warnings, revision: intent.revision, unchanged };
      if (options.dryRun) {
        this.#record(command.name, options, { outcome: 'DRY_RUN', decision: decided.value });
        return { ...asItIs, durable: false };
      }
      // Under a key the commit is made all the same: it is what remembers that the key was used.
      if (unchanged && options.idempotencyKey === '') {
        this.#record(command.name, options, { outcome: 'UNCHANGED', decision: decided.value });
        return { ...asItIs, durable: true };
      }
      const whole = { ...payload, ...shownOnce };
      const result = await this.#commit(command.name, input, decided.value, options);
      if (result.kind === 'committed') {
        await this.#live.reached(result.revision);
        const { revision, durable } = result;
        return { ok: true, payload: whole, warnings, revision, durable, unchanged };
      }
      if (result.kind === 'repeated') {
        await this.#live.reached(result.entry.revision);
        return this.#repeated<P>(command.name, input, options, result.entry);
      }
      if (result.kind === 'fenced')
        return failed(
          'FENCED',
          `this hub was replaced by another process on the same state folder (epoch ${result.epoch}): nothing was changed; send the request to that process`,
        );
      const asked = options.expectedRevision !== undefined;
      if (asked || tries === maxTries)
        return failed(
          'STALE_REVISION',
          `${result.id} is at revision ${result.actual}, not ${result.expected}: read it again before you change it`,
        );
      // The change that came first is another's; when it is never shown, `mustFollow` refuses this one.
      await this.#live.reached(result.revision).catch(() => undefined);
    }
  }

  #commit<P>(name: string, input: unknown, decision: Decision<P>, options: CommandOptions) {
    const audit = {
      id: this.#random.id(),
      at: this.#clock.now(),
      actor: options.actor,
      action: name,
      subject: decision.subject,
      reason: options.reason,
      idempotencyKey: options.idempotencyKey,
      outcome: JSON.stringify({
        input: hashOf(input, options),
        payload: decision.payload,
        once: decision.shownOnce !== undefined,
      }),
    };
    const detail = {
      system: options.audited === 'AS_SYSTEM',
      body: this.#body(options, { decision }),
    };
    const { epoch: fence } = this.#live.current;
    return this.#store.commit({ writes: decision.writes, audit, detail, fence });
  }

  /**
   * States before are those that the decision was made from: its writes name their revisions, so that a commit on
   * others is refused.
   */
  #body({ asked, reason }: CommandOptions, { decision, errors }: Ended) {
    const { intent } = this.#live.current;
    const stored = (kind: IntentKind, id: string): Intent | undefined => storedOf(intent, kind, id)?.value;
    const writes = decision?.writes ?? [];
    return auditBody({ input: asked, reason, writes, stored, errors: errors ?? [] }, this.#redact);
  }

  #record(action: string, options: CommandOptions, ended: Ended & { outcome: Unmade }): void {
    if ((options.audited ?? 'ALL') !== 'ALL') return;
    const { outcome, decision, errors, subject = decision?.subject ?? '' } = ended;
    const code = errors?.[0]?.code ?? '';
    const body = this.#body(options, ended);
    this.attempts.record({ actor: options.actor, action, subject, code, outcome, body });
  }

  #repeated<P>(name: string, input: unknown, options: CommandOptions, before: Recorded): Outcome<P> {
    const outcome = repeated<P>(name, input, options, before);
    if (outcome.ok) this.#record(name, options, { outcome: 'UNCHANGED', subject: before.subject });
    return outcome;
  }

  /** What the same key did before. A dry run does nothing, under a key or not. */
  #before({ actor, idempotencyKey, dryRun }: CommandOptions): Promise<Recorded | undefined> {
    if (idempotencyKey === '' || dryRun) return Promise.resolve(undefined);
    return this.#store.byIdempotencyKey(actor, idempotencyKey);
  }
}

type Unmade = Exclude<AuditOutcome, 'DONE' | 'DENIED'>;

/** How something ended that was asked for. */
interface Ended {
  readonly subject?: string;
  readonly decision?: Decision<unknown>;
  readonly errors?: readonly UserError[];
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

const failed = (code: UserErrorCode, message: string) => ({
  ok: false as const,
  errors: [refusal(code, code === 'CONFLICT' ? 'idempotencyKey' : '', message)],
});
