import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { IssuedRecord } from './issued-certificates.ts';
import { judge, type Cause, type Proxies, type Verdict } from './judge.ts';
import { Presence } from './presence.ts';
import type { ProvenProxies } from './proven.ts';
import type { Surroundings } from './surroundings.ts';

/** What the open streams of proxies say. Ids are those of xDS clients. */
export interface Streams {
  acknowledged(id: string, workloadUid: string): 'YES' | 'NO' | { readonly refused: string };
  returned(id: string): boolean;
}

/** What one judgement of all pods rests on, beside what the tracker knows. */
export interface Assessable {
  readonly pods: Iterable<PodObject>;
  readonly around: Surroundings;
  readonly isRevoked: (issuer: string) => boolean;
}

/** A pod that is not healthy, or not certainly. */
export interface Finding {
  readonly pod: PodObject;
  readonly part: ReturnType<Surroundings['part']>;
  readonly verdict: Verdict;
  /** Until then it may be on its way up: no proxy has ever served it. Monotonic milliseconds; -Infinity: it was served. */
  readonly startingUntil: number;
}

/** The health of every pod at one instant. */
export interface Health {
  of(pod: PodObject): Verdict;
  /** Those with a problem or with a stale value. */
  readonly findings: readonly Finding[];
}

interface Deps {
  readonly proven: ProvenProxies;
  readonly streams: Streams;
  readonly issued: IssuedRecord;
  readonly clock: Clock;
  /** Some pod's health may be another now: assess again. */
  readonly onChange: () => void;
}

/** What happens to many proxies at nearly the same time is one change, milliseconds. */
const gatherMillis = 50;
/** A pod that starts is given this long before its proxy is missed. */
const startingMillis = 5000;
const longestTimer = 2 ** 31 - 1;

/** Causes that a proxy removes by an acknowledgement. */
const acknowledging: ReadonlySet<Cause> = new Set(['WORKLOAD_NOT_ACKNOWLEDGED', 'WORKLOAD_REFUSED']);
const certifying: ReadonlySet<Cause> = new Set([
  'CERTIFICATE_MISSING',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_REVOKED',
]);

/** Keeps what pods' health rests on beside the cluster's objects, and says when some of it may have changed. */
export class HealthTracker {
  readonly #deps: Deps;
  readonly #presence = new Presence();
  readonly #proven: ProvenProxies;
  /** Workloads that are not healthy until their proxy acknowledges them. */
  #awaited: ReadonlySet<string> = new Set();
  /** Pods wait for a certificate. */
  #uncertified = false;
  /** Proxies whose first answer on their stream has not come. */
  readonly #fresh = new Set<string>();
  /** When pods that no proxy has ever served were first seen, by uid, monotonic; -Infinity for those that were. */
  #firstSeen: ReadonlyMap<string, number> = new Map();
  /** Epoch milliseconds: when the first certificate in use ends. */
  #nextExpiry = Infinity;
  #gathering = false;
  #timer: Timer | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#proven = deps.proven;
  }

  /** Proxies can connect from now on; until they had time to, those of before are taken to be as they were. */
  start(): void {
    this.#presence.started(this.#proven.proxies(), this.#deps.clock.monotonic());
    this.#arm();
  }

  opened(id: string): void {
    this.#presence.opened(id);
    this.#fresh.add(id);
  }

  lost(id: string): void {
    this.#presence.lost(id, this.#deps.clock.monotonic());
    this.#fresh.delete(id);
    this.#arm();
  }

  /** A proxy has answered, by `names` of workloads that it took or refused. */
  answered(id: string, names: Iterable<string>): void {
    if (this.#fresh.delete(id)) return this.#changed();
    for (const name of names) if (this.#awaited.has(name)) return this.#changed();
  }

  certificateIssued(): void {
    if (this.#uncertified) this.#changed();
  }

  assess({ pods, around, isRevoked }: Assessable): Health {
    const { clock, issued } = this.#deps;
    const now = clock.now();
    const proxies = this.#proxies();
    const of = (pod: PodObject) => judge(pod, around, proxies, { issued, isRevoked }, now);
    const verdicts = new Map([...pods].map((pod) => [pod, of(pod)]));
    this.#remember(verdicts);
    this.#awaited = new Set(having(verdicts, acknowledging).map((pod) => around.workloadUid(pod)));
    this.#uncertified = having(verdicts, certifying).length > 0;
    this.#nextExpiry = [...verdicts.values()].reduce((first, { until }) => Math.min(first, until), Infinity);
    this.#arm();
    const findings = this.#findings(verdicts, around);
    return { of: (pod) => verdicts.get(pod) ?? of(pod), findings };
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #proxies(): Proxies {
    const { streams, clock } = this.#deps;
    const now = clock.monotonic();
    return {
      contact: (id) => this.#presence.contact(id, now),
      held: (id) => this.#presence.held(id, now),
      acknowledged: (id, uid) => streams.acknowledged(id, uid),
      returned: (id) => streams.returned(id),
      lastProvenBy: (uid) => this.#proven.of(uid),
    };
  }

  /** What proved itself now is what holds when a stream is lost; what has a problem proves nothing any more. */
  #remember(verdicts: ReadonlyMap<PodObject, Verdict>): void {
    const next = new Map<string, string>();
    for (const [{ metadata }, { provenBy, problem }] of verdicts) {
      const by =
        provenBy ?? (problem && problem.cause !== 'NOT_READY' ? undefined : this.#proven.of(metadata.uid));
      if (by !== undefined) next.set(metadata.uid, by);
    }
    // Before it is published: what other clusters have received must be known after a restart.
    this.#proven.replace(next);
  }

  #findings(verdicts: ReadonlyMap<PodObject, Verdict>, around: Surroundings): readonly Finding[] {
    const now = this.#deps.clock.monotonic();
    const firstSeen = new Map<string, number>();
    const findings: Finding[] = [];
    for (const [pod, verdict] of verdicts) {
      const { uid } = pod.metadata;
      const wasServed = this.#proven.of(uid) !== undefined;
      const seen = wasServed ? -Infinity : (this.#firstSeen.get(uid) ?? now);
      firstSeen.set(uid, seen);
      if (!verdict.problem && !verdict.stale) continue;
      findings.push({ pod, part: around.part(pod), verdict, startingUntil: seen + startingMillis });
    }
    this.#firstSeen = firstSeen;
    return findings;
  }

  #changed(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#deps.clock.after(gatherMillis, () => {
      this.#gathering = false;
      this.#deps.onChange();
    });
  }

  /** Wakes when the next hold or the next certificate ends. */
  #arm(): void {
    const { clock } = this.#deps;
    this.#timer?.cancel();
    const holds = this.#presence.nextEnd(clock.monotonic()) - clock.monotonic();
    const wait = Math.min(holds, this.#nextExpiry - clock.now());
    if (wait === Infinity) return;
    this.#timer = clock.after(Math.min(Math.max(0, wait), longestTimer), () => {
      if (wait > longestTimer) this.#arm();
      else this.#changed();
    });
  }
}

const having = (
  verdicts: ReadonlyMap<PodObject, Verdict>,
  causes: ReadonlySet<Cause>,
): readonly PodObject[] =>
  [...verdicts].flatMap(([pod, { problem }]) => (problem && causes.has(problem.cause) ? [pod] : []));
