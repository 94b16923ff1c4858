import { createHash } from 'node:crypto';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { emptyBody, type Attempt, type RecordedError } from '../store/audit.ts';
import type { Store } from '../store/store.ts';
import { auditBody, fittedText } from './audit-body.ts';
import type { Redact, RedactText } from './redact.ts';

/** Equal attempts within this time of the first are one entry that counts them, milliseconds. */
export const countedTogether = 10 * 60_000;

/**
 * Most callers that were denied, and most malformed mutations, that have an entry of their own within that time; those
 * beyond share one.
 */
export const ownEntries = 100;

/** Most different attempts of each kind that are counted at a time; one beyond begins a new entry. */
const maxOpen = 1000;

/** Counts are written down at this pace, milliseconds: a flood costs one write a second. */
const writeEvery = 1000;

/** Texts of a head are limited, as heads are held in memory. */
const maxText = 300;

interface Open {
  readonly number: number;
  readonly since: number;
  count: number;
  lastAt: number;
}

/** A mutation that GraphQL refused before a command saw it. */
export interface Malformed {
  readonly actor: string;
  /** Must be of few: the name of a mutation that exists, or a word for all others. */
  readonly action: string;
  readonly errors: readonly RecordedError[];
  readonly input: unknown;
  readonly reason: string;
}

/** Somebody who may not ask. */
export interface Denied {
  /** Who it says it is where that is proven, otherwise the address that it came from. */
  readonly actor: string;
  readonly action: string;
  readonly subject?: string;
  readonly error: RecordedError;
  readonly input?: unknown;
}

interface Deps {
  readonly store: Pick<Store, 'record' | 'recount'>;
  readonly clock: Clock;
  readonly redact: Redact;
  readonly text: RedactText;
}

/** Records in the audit log what was asked for and changed nothing. Equal attempts are counted in one entry. */
export class Attempts {
  readonly #deps: Deps;
  /** By what makes two attempts equal, oldest first. */
  readonly #open = new Map<string, Open>();
  readonly #denied = new Map<string, Open>();
  readonly #malformed = new Map<string, Open>();
  readonly #counted = new Set<Open>();
  #timer: Timer | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  record({ actor, action, subject, code, outcome, body }: Omit<Attempt, 'at'>): void {
    const key = keyOf([actor, action, subject, code, outcome, body]);
    this.#count(this.#open, key, () => ({
      actor,
      action,
      subject: this.#short(subject),
      code,
      outcome,
      body,
    }));
  }

  /** Different ones beyond the first hundred are counted by action and code, without what they say. */
  refuseMalformed({ actor, action, errors, input, reason }: Malformed): void {
    this.#forgetOld(this.#malformed);
    const code = errors[0]?.code ?? '';
    const body = auditBody({ input, reason, errors }, this.#deps.redact);
    const own = keyOf([actor, action, code, body]);
    const known = this.#malformed.has(own) || this.#malformed.size < ownEntries;
    const others = 'more malformed requests than are recorded one by one';
    this.#count(this.#malformed, known ? own : keyOf(['*', action, code]), () => ({
      actor: known ? this.#short(actor) : '*',
      action,
      subject: '',
      code,
      outcome: 'REFUSED',
      malformed: true,
      body: known ? body : { ...emptyBody, errors: [{ code, field: [], message: others }] },
    }));
  }

  /** Two of one caller that are denied for the same are equal, whatever else they say: they have proven nothing. */
  deny({ actor, action, subject = '', error, input = null }: Denied): void {
    this.#forgetOld(this.#denied);
    const own = JSON.stringify([actor, action, error.code]);
    const known = this.#denied.has(own) || this.#denied.size < ownEntries;
    const key = known ? own : JSON.stringify(['*', action, error.code]);
    this.#count(this.#denied, key, () => ({
      actor: known ? this.#short(actor) : '*',
      action,
      subject: known ? this.#short(subject) : '',
      code: error.code,
      outcome: 'DENIED',
      body: auditBody({ input: known ? input : null, reason: '', errors: [error] }, this.#deps.redact),
    }));
  }

  /** Writes the counts down that are not yet: before the log is read, and at the end. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { number, count, lastAt } of this.#counted) this.#deps.store.recount(number, count, lastAt);
    this.#counted.clear();
  }

  #count(open: Map<string, Open>, key: string, attempt: () => Omit<Attempt, 'at'>): void {
    const { clock, store } = this.#deps;
    this.#forgetOld(open);
    const now = clock.now();
    const before = open.get(key);
    if (before) {
      before.count++;
      before.lastAt = now;
      this.#counted.add(before);
      this.#timer ??= clock.after(writeEvery, () => this.flush());
      return;
    }
    const number = store.record({ ...attempt(), at: now });
    if (number !== undefined) open.set(key, { number, since: clock.monotonic(), count: 1, lastAt: now });
  }

  #forgetOld(open: Map<string, Open>): void {
    const before = this.#deps.clock.monotonic() - countedTogether;
    for (const [key, { since }] of open) {
      if (since > before && open.size < maxOpen) return;
      open.delete(key);
    }
  }

  #short(text: string): string {
    return fittedText(this.#deps.text(text), maxText);
  }
}

/** What makes two attempts equal, in few bytes. */
const keyOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64');
