import { createHash } from 'node:crypto';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { tokenReviews } from '@isthmus/api/kube/resources.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import { AgentError } from '../../agent-error.ts';
import type { Authenticator, Caller } from '../../ca/authenticator.ts';
import { audience, callerIn, endOf } from './reviewed-token.ts';

interface Deps {
  readonly server: Pick<ApiServer, 'create'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Answer {
  readonly caller: Result<Caller, string>;
  /** Until when it counts: monotonic milliseconds, and epoch milliseconds, whichever is over first. */
  readonly until: number;
  readonly notAfter: number;
}

/** An answer counts for so long, as a pod may be deleted meanwhile; milliseconds. */
export const keptMillis = 60_000;
/** A refusal is remembered for a shorter time: the key of a cluster's tokens may have been replaced a moment ago. */
export const refusedMillis = 5000;
/** Most answers that are remembered, and as many refusals: others' refusals do not displace answers. */
export const maxAnswers = 10_000;
/** Most reviews that wait for the API server at a time. */
export const maxPending = 256;
/** Longest token that is asked about, bytes; the API server's own are below 2 KiB. */
const maxToken = 16_384;

/** Proves callers by asking the API server to review their tokens. */
export class TokenReviews implements Authenticator {
  readonly #deps: Deps;
  readonly #lines: LimitedLines;
  /** By SHA-256 of the token: no token is kept. */
  readonly #known = new Map<string, Answer>();
  readonly #refused = new Map<string, Answer>();
  readonly #pending = new Map<string, Promise<Answer>>();
  /** Why the last review was not answered. */
  #failure: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#lines = new LimitedLines(deps.clock, deps.log);
  }

  /** Throws UNAUTHENTICATED, or NOT_REVIEWED when the API server does not answer: then nobody knows. */
  async authenticate(header: string | undefined): Promise<Caller> {
    const token = /^Bearer (\S+)$/.exec(header ?? '')?.[1];
    if (token === undefined) throw refuse('the call carries no bearer token');
    if (token.length > maxToken) throw refuse('the token is longer than 16 KiB');
    const { caller } = await this.#answer(token);
    if (!caller.ok) throw refuse(caller.error);
    return caller.value;
  }

  /** The API server has not answered the last review. */
  conditions(): readonly Condition[] {
    if (this.#failure === undefined) return [];
    return [
      {
        type: 'TokensReviewed',
        status: 'False',
        reason: 'TOKENS_NOT_REVIEWED',
        severity: 'ERROR',
        object: '',
        message: `new proxies are not let in, as the API server did not review the last token: ${this.#failure}`,
        remedy:
          'check that the API server is reachable, and that the role of the agent may create tokenreviews.authentication.k8s.io',
      },
    ];
  }

  async #answer(token: string): Promise<Answer> {
    const digest = createHash('sha256').update(token).digest('base64');
    for (const kept of [this.#known, this.#refused]) {
      const answer = kept.get(digest);
      if (answer && this.#counts(answer)) return answer;
      kept.delete(digest);
    }
    const pending = this.#pending.get(digest);
    if (pending) return pending;
    if (this.#pending.size >= maxPending)
      throw new AgentError('NOT_REVIEWED', 'too many tokens wait for the API server: call again');
    const asked = this.#review(token).finally(() => this.#pending.delete(digest));
    this.#pending.set(digest, asked);
    const answer = await asked;
    this.#keep(digest, answer);
    return answer;
  }

  async #review(token: string): Promise<Answer> {
    const { server, clock } = this.#deps;
    const object = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    };
    let caller: Result<Caller, string> | undefined;
    try {
      caller = callerIn(await server.create(tokenReviews, '', object));
    } catch (error) {
      throw this.#unanswered(error instanceof ApiFailure ? error.message : String(error), error);
    }
    if (!caller) throw this.#unanswered('its answer is no TokenReview');
    this.#failure = undefined;
    const kept = caller.ok ? keptMillis : refusedMillis;
    return { caller, until: clock.monotonic() + kept, notAfter: (caller.ok && endOf(token)) || Infinity };
  }

  #unanswered(why: string, cause?: unknown): AgentError {
    this.#failure = why;
    this.#lines.error('unanswered', { error: why }, 'a token was not reviewed by the API server');
    return new AgentError('NOT_REVIEWED', `the API server did not review the token: ${why}; call again`, {
      cause,
    });
  }

  #counts({ until, notAfter }: Answer): boolean {
    const { clock } = this.#deps;
    return clock.monotonic() < until && clock.now() < notAfter;
  }

  #keep(digest: string, answer: Answer): void {
    const kept = answer.caller.ok ? this.#known : this.#refused;
    kept.set(digest, answer);
    if (kept.size > maxAnswers) kept.delete(kept.keys().next().value ?? '');
  }
}

const refuse = (message: string) => new AgentError('UNAUTHENTICATED', message);
