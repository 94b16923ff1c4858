import { openSync } from 'node:fs';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { PodRules } from '../rules/pod-rules.ts';
import type { ZdsServer } from '../zds/server.ts';
import {
  after,
  isCaptured,
  isOver,
  newEnrolment,
  nextOf,
  type Enrolment,
  type Event,
  type Target,
  type Work,
} from './enrolment.ts';

/** Kubernetes runs 110 pods on a node, and 250 where it was raised. */
export const maxEnrolments = 2000;
/** Programs that write rules at a time: each takes a core for milliseconds. */
const maxRunning = 4;

interface Deps {
  readonly zds: Pick<ZdsServer, 'list' | 'unlist' | 'namespace' | 'listening'>;
  readonly rules: Pick<PodRules, 'apply' | 'stop' | 'clear'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How it stands with a pod is another thing now; undefined: it is forgotten. */
  readonly onChange: (uid: string, enrolment: Enrolment | undefined) => void;
  /** Opens a namespace. */
  readonly open?: (path: string) => number;
}

/** Carries out what `enrolment.ts` decides, one piece of work of a pod at a time. */
export class Enrolments {
  readonly #deps: Deps;
  readonly #pods = new Map<string, Enrolment>();
  readonly #timers = new Map<string, Timer>();
  /** Pods whose rules are to be written as soon as fewer programs run. */
  readonly #queue = new Map<string, () => void>();
  #running = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  of(uid: string): Enrolment | undefined {
    return this.#pods.get(uid);
  }

  get all(): ReadonlyMap<string, Enrolment> {
    return this.#pods;
  }

  /** Nothing runs, and nothing waits to. */
  get isIdle(): boolean {
    return [...this.#pods.values()].every(({ running }) => !running);
  }

  event(uid: string, event: Event): void {
    const before = this.#pods.get(uid);
    if (!before && (event.type === 'UNWANTED' || event.type === 'GONE' || event.type === 'SUSPECT')) return;
    if (!before && this.#pods.size >= maxEnrolments) {
      this.#deps.log.error({ uid, max: maxEnrolments }, 'a pod is not captured: this node has too many');
      return;
    }
    this.#set(uid, after(before ?? newEnrolment, event, this.#deps.clock.monotonic()));
    this.#go(uid);
  }

  /** What the proxies have answered about a pod. */
  heard(uid: string): void {
    if (this.#pods.has(uid)) this.event(uid, { type: 'LISTENING', listening: this.#deps.zds.listening(uid) });
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#queue.clear();
  }

  #set(uid: string, enrolment: Enrolment): void {
    const isForgotten = isOver(enrolment);
    if (isForgotten) this.#pods.delete(uid);
    else this.#pods.set(uid, enrolment);
    this.#deps.onChange(uid, isForgotten ? undefined : enrolment);
  }

  #go(uid: string): void {
    this.#timers.get(uid)?.cancel();
    this.#timers.delete(uid);
    const enrolment = this.#pods.get(uid);
    const next = enrolment && nextOf(enrolment, this.#deps.clock.monotonic());
    if (next === undefined) return;
    if (typeof next === 'number')
      this.#timers.set(
        uid,
        this.#deps.clock.after(next, () => this.#go(uid)),
      );
    else if (next.do === 'LIST') this.#list(uid, next.target);
    else this.#begin(uid, next);
  }

  #list(uid: string, target: Target): void {
    const now = this.#deps.clock.monotonic();
    const before = this.#pods.get(uid) ?? newEnrolment;
    let namespace: number;
    try {
      // A pod that the proxy refused is asked for again with the namespace that is held.
      namespace = this.#deps.zds.namespace(uid) ?? this.#open(target.path);
    } catch (error) {
      // Its namespace ended before it was enrolled: whether there is another, the next look says.
      this.#deps.log.info({ uid, path: target.path, error: String(error) }, 'a namespace is not there');
      this.#set(uid, { ...before, wanted: undefined });
      return;
    }
    this.#set(uid, after(before, { type: 'BEGUN', work: { do: 'LIST', target } }, now));
    const { name, namespace: of, serviceAccount, identity } = target;
    this.#deps.zds.list({ uid, name, namespace: of, serviceAccount, identity }, namespace);
    this.heard(uid);
  }

  #open(path: string): number {
    return (this.#deps.open ?? ((from) => openSync(from, 'r')))(path);
  }

  #begin(uid: string, work: Exclude<Work, { do: 'LIST' }>): void {
    const before = this.#pods.get(uid) ?? newEnrolment;
    this.#set(uid, after(before, { type: 'BEGUN', work }, this.#deps.clock.monotonic()));
    const run = () => {
      this.#running++;
      const end = (problem: string | undefined) => {
        this.#running--;
        this.#ended(uid, work, problem);
      };
      this.#work(uid, work).then(
        () => end(undefined),
        (error: unknown) => end(error instanceof Error ? error.message : String(error)),
      );
    };
    // That a proxy stops is waited for, and takes no time here.
    if (this.#running < maxRunning || work.do === 'UNLIST') run();
    else this.#queue.set(uid, run);
  }

  #ended(uid: string, work: Work, problem: string | undefined): void {
    if (problem !== undefined)
      this.#deps.log.warn({ uid, work: work.do, problem }, 'a pod is not as it should be');
    this.event(uid, { type: 'DONE', problem });
    const [waiting] = this.#queue;
    if (!waiting || this.#running >= maxRunning) return;
    this.#queue.delete(waiting[0]);
    waiting[1]();
  }

  async #work(uid: string, work: Exclude<Work, { do: 'LIST' }>): Promise<void> {
    const { zds, rules } = this.#deps;
    if (work.do === 'UNLIST') return zds.unlist(uid);
    const namespace = zds.namespace(uid);
    if (namespace === undefined) return;
    switch (work.do) {
      case 'APPLY':
        return rules.apply(namespace, work.target.options);
      case 'STOP':
        return rules.stop(namespace, work.target.options);
      case 'CLEAR':
        return rules.clear(namespace, work.target.options);
    }
  }
}

/** How many pods are captured, and how many are to be. */
export function countOf(enrolments: Iterable<Enrolment>): {
  readonly captured: number;
  readonly wanted: number;
} {
  const all = [...enrolments];
  return { captured: all.filter(isCaptured).length, wanted: all.filter(({ wanted }) => wanted).length };
}
