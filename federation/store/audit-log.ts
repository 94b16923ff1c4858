import type { Attempt, AuditHead, AuditQuery } from './audit.ts';
import type { Change } from './store.ts';

export type AuditRing = 'changes' | 'system' | 'attempts' | 'malformed' | 'denied';

/** Most entries of each kind, and most bytes of their JSON: what floods one kind takes no room from another. */
export type AuditLimits = Readonly<Record<AuditRing, { readonly entries: number; readonly bytes: number }>>;

const MiB = 1024 * 1024;

export const auditLimits: AuditLimits = {
  changes: { entries: 20_000, bytes: 128 * MiB },
  system: { entries: 5000, bytes: 16 * MiB },
  attempts: { entries: 5000, bytes: 32 * MiB },
  malformed: { entries: 1000, bytes: 4 * MiB },
  denied: { entries: 1000, bytes: 4 * MiB },
};

/** A head as it is stored, with the size of its entry. */
export interface KeptHead {
  readonly head: AuditHead;
  readonly bytes: number;
}

/** What an entry is stored with, and the numbers of those that had to go for it. */
export interface Appended extends KeptHead {
  readonly drop: readonly number[];
}

export interface Found {
  readonly heads: readonly AuditHead[];
  readonly total: number;
  readonly more: boolean;
}

const ringOf = ({ system, outcome, malformed }: AuditHead): AuditRing => {
  if (outcome === 'DENIED') return 'denied';
  if (malformed) return 'malformed';
  if (outcome !== 'DONE') return 'attempts';
  return system ? 'system' : 'changes';
};

/** The heads of the newest entries of each kind, the oldest of which go first. Numbers them. */
export class AuditLog {
  readonly #limits: AuditLimits;
  /** By number, oldest first. */
  readonly #rings: Readonly<Record<AuditRing, { kept: Map<number, KeptHead>; bytes: number }>> = {
    changes: { kept: new Map(), bytes: 0 },
    system: { kept: new Map(), bytes: 0 },
    attempts: { kept: new Map(), bytes: 0 },
    malformed: { kept: new Map(), bytes: 0 },
    denied: { kept: new Map(), bytes: 0 },
  };
  #last = 0;
  /** Loaded entries that are beyond the limits, as those have become lower: they go with the next append. */
  readonly #beyond: number[] = [];

  /** `after`: numbers up to this one are not given. */
  constructor(limits: AuditLimits = auditLimits, after = 0) {
    this.#limits = limits;
    this.#last = after;
  }

  /** The newest number. */
  get last(): number {
    return this.#last;
  }

  /** What was stored before, oldest first. */
  load(kept: readonly KeptHead[]): void {
    for (const one of kept) this.#beyond.push(...this.#keep(one));
  }

  /** `bytes`: of the JSON of its body. */
  append(entry: Omit<AuditHead, 'number'>, bytes: number): Appended {
    const head: AuditHead = { ...entry, number: this.#last + 1 };
    const kept = { head, bytes: bytes + Buffer.byteLength(JSON.stringify(head)) };
    return { ...kept, drop: [...this.#beyond.splice(0), ...this.#keep(kept)] };
  }

  /** An entry came again; undefined when it is no longer there. */
  recount(number: number, count: number, lastAt: number): AuditHead | undefined {
    for (const { kept } of Object.values(this.#rings)) {
      const before = kept.get(number);
      if (!before) continue;
      const head = { ...before.head, count, lastAt };
      kept.set(number, { ...before, head });
      return head;
    }
    return undefined;
  }

  /** Newest first. `upTo`: entries with a later number are not there yet. */
  find(query: AuditQuery, upTo = Infinity): Found {
    const matching = Object.values(this.#rings)
      .flatMap(({ kept }) => [...kept.values()])
      .map(({ head }) => head)
      .filter((head) => head.number <= upTo && matches(head, query))
      .sort((a, b) => b.number - a.number);
    const { before, limit } = query;
    const older = before === undefined ? matching : matching.filter(({ number }) => number < before);
    return { heads: older.slice(0, limit), total: matching.length, more: older.length > limit };
  }

  #keep(one: KeptHead): readonly number[] {
    const name = ringOf(one.head);
    const ring = this.#rings[name];
    const { entries, bytes } = this.#limits[name];
    this.#last = Math.max(this.#last, one.head.number);
    ring.kept.set(one.head.number, one);
    ring.bytes += one.bytes;
    const drop: number[] = [];
    for (const [number, oldest] of ring.kept) {
      if (ring.kept.size <= entries && ring.bytes <= bytes) break;
      ring.kept.delete(number);
      ring.bytes -= oldest.bytes;
      drop.push(number);
    }
    return drop;
  }
}

function matches(head: AuditHead, query: AuditQuery): boolean {
  const { actor, action, subject, since = -Infinity, until = Infinity, system, outcomes } = query;
  return (
    (actor === undefined || head.actor === actor) &&
    (action === undefined || head.action === action) &&
    (subject === undefined || head.subject === subject || head.subject.endsWith(`/${subject}`)) &&
    head.lastAt >= since &&
    head.at <= until &&
    (system === true || !head.system) &&
    (outcomes === undefined || outcomes.includes(head.outcome))
  );
}

/** The entry of a commit. */
export const headOfChange = ({ revision, audit }: Change, system: boolean): Omit<AuditHead, 'number'> => ({
  at: audit.at,
  lastAt: audit.at,
  count: 1,
  actor: audit.actor,
  action: audit.action,
  subject: audit.subject,
  outcome: 'DONE',
  code: '',
  system,
  revision,
});

/** The entry of what changed nothing while the store was at `revision`. */
export const headOfAttempt = (attempt: Attempt, revision: number): Omit<AuditHead, 'number'> => ({
  at: attempt.at,
  lastAt: attempt.at,
  count: 1,
  actor: attempt.actor,
  action: attempt.action,
  subject: attempt.subject,
  outcome: attempt.outcome,
  code: attempt.code,
  system: false,
  ...(attempt.malformed ? { malformed: attempt.malformed } : {}),
  revision,
});
