import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { waitBefore } from '@isthmus/api/kube/wait-before.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { isDeepStrictEqual } from 'node:util';
import { pods } from '../access.ts';
import type { Annotations } from './annotations.ts';

/** In the managed fields of pods. */
export const fieldManager = 'isthmus-node-agent';

/** The pod that is meant: one of the same name that came later is another. */
export interface AnnotatedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

interface Waiting {
  readonly pod: AnnotatedPod;
  readonly wanted: Annotations;
}

interface Deps {
  readonly server: Pick<ApiServer, 'patch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Writes the annotations of pods, the last that were said of each, one request of a pod at a time. */
export class Annotator {
  readonly #deps: Deps;
  /** By uid; no longer than there are pods. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #running = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  #lastProblem: string | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Why the last request failed; undefined: it did not. */
  get problem(): string | undefined {
    return this.#lastProblem;
  }

  /** Everything that was said is written. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  set(pod: AnnotatedPod, wanted: Annotations): void {
    const before = this.#waiting.get(pod.uid);
    if (before && isDeepStrictEqual(before.wanted, wanted)) return;
    this.#waiting.set(pod.uid, { pod, wanted });
    if (!this.#running.has(pod.uid) && !this.#timers.has(pod.uid)) void this.#write(pod.uid, 0);
  }

  /** The pod is gone. */
  forget(uid: string): void {
    this.#waiting.delete(uid);
    this.#timers.get(uid)?.cancel();
    this.#timers.delete(uid);
  }

  close(): void {
    for (const uid of [...this.#waiting.keys()]) this.forget(uid);
  }

  async #write(uid: string, attempt: number): Promise<void> {
    const waiting = this.#waiting.get(uid);
    if (!waiting) return;
    this.#running.add(uid);
    const failure = await this.#apply(waiting);
    this.#running.delete(uid);
    this.#lastProblem = failure?.message;
    const isLast = this.#waiting.get(uid) === waiting;
    // A pod of this uid is no longer there: nothing is left to say of it.
    if (!failure || failure.code === 'API_NOT_FOUND' || failure.code === 'API_CONFLICT') {
      if (isLast) this.#waiting.delete(uid);
      else void this.#write(uid, 0);
      return;
    }
    this.#deps.log.warn({ uid, problem: failure.message }, 'the annotations of a pod cannot be written');
    const wait = waitBefore(attempt, failure, this.#deps.random);
    const again = () => {
      this.#timers.delete(uid);
      void this.#write(uid, attempt + 1);
    };
    this.#timers.set(uid, this.#deps.clock.after(wait, again));
  }

  async #apply({ pod, wanted }: Waiting): Promise<ApiFailure | undefined> {
    const { name, namespace, uid } = pod;
    const metadata = { name, namespace, uid, annotations: wanted };
    const patch = { how: 'apply', fieldManager, force: true } as const;
    try {
      await this.#deps.server.patch(pods, { namespace, name }, patch, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
      });
      return undefined;
    } catch (error) {
      if (error instanceof ApiFailure) return error;
      throw error;
    }
  }
}
