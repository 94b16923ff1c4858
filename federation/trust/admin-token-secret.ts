import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { AdminToken } from './admin-token.ts';
import { decideToken, newSecret } from './secret-token.ts';

/** How often the Secret is read. */
export const lookMillis = 30_000;
/** After somebody else has written it at the same time. */
const againMillis = 1000;

/** The Secret with the admin token, in the cluster of the hub. */
export interface TokenSecret {
  readonly server: Pick<ApiServer, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
}

interface Deps {
  readonly secret: TokenSecret;
  readonly token: AdminToken;
  /** The token is a new one, which an operator asked for. */
  readonly isNew: boolean;
  /** Keeps a token that the Secret has, before it counts. */
  readonly store: (token: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Problem {
  readonly message: string;
  readonly remedy: string;
}

/**
 * The admin token in a Secret: the hub's own is written there, and one that a person writes counts instead, also while the
 * hub runs. While the API cannot be reached the token of the store counts. No token is in a log or in a problem.
 */
export class AdminTokenSecret {
  readonly #deps: Deps;
  readonly #text: string;
  #isNew: boolean;
  #problem: Problem | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#text = `${deps.secret.namespace}/${deps.secret.name}`;
    this.#isNew = deps.isNew;
  }

  /** Why the Secret and the hub may have different tokens, and what to do; `object` names the Secret. */
  get problem(): (Problem & { readonly object: string }) | undefined {
    return this.#problem && { ...this.#problem, object: `Secret ${this.#text}` };
  }

  /** Looks at once and again and again, until the signal aborts. */
  follow(signal: AbortSignal): void {
    const look = async () => {
      const wait = await this.#look();
      if (signal.aborted) return;
      const timer = this.#deps.clock.after(wait, () => void look());
      signal.addEventListener('abort', () => timer.cancel(), { once: true });
    };
    void look();
  }

  /** Milliseconds until the next look. */
  async #look(): Promise<number> {
    try {
      await this.#settle();
      this.#isNew = false;
      return lookMillis;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof ApiFailure && error.code === 'API_CONFLICT') return againMillis;
      const remedy =
        'let the service account of the hub get and update this Secret, and make it if the hub may not: kubectl create secret generic; the hub writes its token into it';
      this.#refused({ message: `the admin token cannot be kept there: ${message}`, remedy });
      return lookMillis;
    }
  }

  async #settle(): Promise<void> {
    const { secret, token, log } = this.#deps;
    const { server, ...place } = secret;
    const found = await server.get(secrets, place).catch(absent);
    if (found === undefined) {
      await server.create(secrets, place.namespace, newSecret(place.namespace, place.name, token.current));
      log.info({ secret: this.#text }, 'the admin token was written to a new Secret');
      this.#problem = undefined;
      return;
    }
    const decided = decideToken(found, { token: token.current, isNew: this.#isNew });
    if (decided.kind === 'REFUSE') {
      this.#refused({ ...decided, message: decided.problem });
      return;
    }
    if (decided.kind === 'WRITE') {
      await server.replace(secrets, place, decided.object);
      log.info({ secret: this.#text }, 'the admin token was written to its Secret');
    } else if (decided.token !== token.current) await this.#use(decided.token);
    this.#problem = undefined;
  }

  async #use(token: string): Promise<void> {
    if (this.#isNew)
      this.#deps.log.warn(
        { secret: this.#text },
        'a person wrote the admin token of this Secret, so it is not replaced by a new one: change it there',
      );
    await this.#deps.store(token);
    this.#deps.token.replace(token);
    this.#deps.log.info(
      { secret: this.#text },
      'the admin token is that of its Secret now; the one before has ended',
    );
  }

  #refused(problem: Problem): void {
    if (problem.message !== this.#problem?.message)
      this.#deps.log.warn(
        { secret: this.#text, why: problem.message },
        'the admin token is not that of its Secret; the token of before counts',
      );
    this.#problem = problem;
  }
}

function absent(error: unknown): undefined {
  if (error instanceof ApiFailure && error.code === 'API_NOT_FOUND') return undefined;
  throw error;
}
