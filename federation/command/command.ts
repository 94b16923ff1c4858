import type { Result } from '@isthmus/mesh/result.ts';
import type { Write } from '../store/store.ts';
import type { UserErrorCode } from '../hub-error.ts';
import type { Now } from '../state/now.ts';
import type { AuditSubject } from './audit-subject.ts';
import type { Warning } from './warning.ts';

/** Why a mutation was refused, for a person and for a program. Returned in `userErrors`; nothing was changed. */
export interface UserError {
  /** Stable: hub-error.ts has all. */
  readonly code: UserErrorCode;
  /** Path within the input, e.g. `['policy','access','rules','0','ports']`. */
  readonly field: readonly string[];
  /** What is wrong and what to do. */
  readonly message: string;
}

/** What may be asked of the world while deciding: injected, so that a decision is a function. */
export interface DecideContext {
  readonly now: number;
  readonly actor: string;
  readonly newId: () => string;
  /** 256 random bits as text: a token's secret. */
  readonly newSecret: () => string;
  /** Every mutation's input has these. */
  readonly reason: string;
  readonly expectedRevision: number | undefined;
}

/** What a command will do: the writes, and the answer to the caller. A dry run stops here. */
export interface Decision<P> {
  readonly subject: AuditSubject;
  readonly writes: readonly Write[];
  readonly payload: P;
  /** Fields of the payload that are returned once and stored nowhere: a token's secret. */
  readonly shownOnce?: Partial<P>;
  /** Consequences that a person should know before acting; dry runs show them too. */
  readonly warnings: readonly Warning[];
}

/** One mutation: parsed input in, decision out, no I/O. federation/command/run.ts does the rest once for all. */
export interface Command<I, P> {
  /** The GraphQL mutation's name; also the audit's action. */
  readonly name: string;
  /** What a refused one was about, as its decision would have named it; absent: of no one object. */
  subject?(input: I): AuditSubject;
  /** What an input stands for where it only names it: the request of a plan. The audit log has it beside the input. */
  meaning?(input: I): object;
  decide(snapshot: Now, input: I, context: DecideContext): Result<Decision<P>, readonly UserError[]>;
}
