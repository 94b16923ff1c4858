import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { PodKey } from '../keys/names.ts';
import { placeIn } from '../view/sorted.ts';
import { Expiries } from './expiries.ts';
import type { Cause, Problem } from './judge.ts';
import type { Finding } from './tracker.ts';

/** What a pod that starts goes through: it is missed only when it stays. */
const onTheWayUp: ReadonlySet<Cause> = new Set([
  'PROXY_NOT_CONNECTED',
  'WORKLOAD_NOT_ACKNOWLEDGED',
  'CERTIFICATE_MISSING',
  'CERTIFICATE_NOT_HELD',
]);

/** Pods that are not healthy for one cause, by what has to be repaired; all sidecars that are missed themselves are ''. */
export class OfCause {
  readonly #pods = new Map<string, PodKey[]>();
  readonly #objects: string[] = [];
  #count = 0;

  /** What has to be repaired, sorted. */
  get objects(): readonly string[] {
    return this.#objects;
  }

  /** How many pods there are. */
  get count(): number {
    return this.#count;
  }

  /** Those of one object, sorted. */
  pods(object: string): readonly PodKey[] {
    return this.#pods.get(object) ?? [];
  }

  add(object: string, pod: PodKey): void {
    const pods = this.#pods.get(object);
    if (!pods) add(this.#objects, object);
    this.#pods.set(object, add(pods ?? [], pod));
    this.#count++;
  }

  delete(object: string, pod: PodKey): void {
    const pods = this.#pods.get(object);
    if (!pods) return;
    remove(pods, pod);
    this.#count--;
    if (pods.length > 0) return;
    this.#pods.delete(object);
    remove(this.#objects, object);
  }
}

/** What is found of pods, kept as sums by what has to be repaired. A pod that changes costs O(log n) and a move of keys. */
export class Problems {
  readonly #findings = new Map<PodKey, Finding>();
  /** Those on their way up, and when each is missed, monotonic. */
  readonly #starting = new Expiries<PodKey>();
  /** Those that are counted, and under which object. */
  readonly #counted = new Map<PodKey, { readonly cause: Cause; readonly object: string }>();
  readonly #causes = new Map<Cause, OfCause>();
  readonly #stale: Readonly<Record<'PROXY' | 'CERTIFICATE', PodKey[]>> = { PROXY: [], CERTIFICATE: [] };

  finding(pod: PodKey): Finding | undefined {
    return this.#findings.get(pod);
  }

  /** Undefined: the pod is certainly healthy, or gone. */
  set(pod: PodKey, finding: Finding | undefined): void {
    const before = this.#findings.get(pod);
    if (before) this.#forget(pod, before);
    if (!finding) return;
    this.#findings.set(pod, finding);
    const { problem, stale } = finding.verdict;
    if (problem && onTheWayUp.has(problem.cause)) this.#starting.set(pod, finding.startingUntil);
    else if (problem) this.#count(pod, problem, finding);
    else if (stale) add(this.#stale[stale], pod);
  }

  /** Of pods that are missed by now, too. Undefined: there are none. */
  of(cause: Cause, now: number): OfCause | undefined {
    this.#miss(now);
    return this.#causes.get(cause);
  }

  /** Healthy pods whose verdict holds without proof, sorted. */
  stale(why: 'PROXY' | 'CERTIFICATE'): readonly PodKey[] {
    return this.#stale[why];
  }

  /** When the next pod on its way up is missed, monotonic, if nothing changes; Infinity when none is. */
  nextMissed(now: number): number {
    this.#miss(now);
    return this.#starting.next;
  }

  #miss(now: number): void {
    for (const pod of this.#starting.due(now)) {
      const finding = this.#findings.get(pod);
      if (finding?.verdict.problem) this.#count(pod, finding.verdict.problem, finding);
    }
  }

  #count(pod: PodKey, problem: Problem, finding: Finding): void {
    if (!isShown(problem, finding)) return;
    const object = isOwn(problem, finding.pod) && finding.part === 'SIDECAR' ? '' : problem.object;
    const { cause } = problem;
    const ofCause = this.#causes.get(cause) ?? new OfCause();
    this.#causes.set(cause, ofCause);
    ofCause.add(object, pod);
    this.#counted.set(pod, { cause, object });
  }

  #forget(pod: PodKey, { verdict }: Finding): void {
    this.#findings.delete(pod);
    this.#starting.delete(pod);
    if (verdict.stale) remove(this.#stale[verdict.stale], pod);
    const counted = this.#counted.get(pod);
    if (!counted) return;
    this.#counted.delete(pod);
    this.#causes.get(counted.cause)?.delete(counted.object, pod);
  }
}

/** That an application is not ready is its own affair; pods without an address have a condition of the address block. */
const isShown = ({ cause }: Problem, { part }: Finding): boolean =>
  cause !== 'NO_ADDRESS' && (cause !== 'NOT_READY' || part === 'GATEWAY');

/** What has to be repaired is the pod itself. */
export const isOwn = ({ object }: Problem, { metadata: { namespace, name } }: PodObject): boolean =>
  object === `Pod ${namespace}/${name}`;

function add<T extends string>(sorted: T[], one: T): T[] {
  sorted.splice(placeIn(sorted, one), 0, one);
  return sorted;
}

function remove(sorted: string[], one: string): void {
  const at = placeIn(sorted, one);
  if (sorted[at] === one) sorted.splice(at, 1);
}
