import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { HeldCertificate } from '@isthmus/api/domain/proxy-report.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { ChangeSet, type Change } from '../keys/change-set.ts';
import { podKey, podUid, type ClientId, type PodKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Mode } from '../view/mode.ts';
import { Expiries } from './expiries.ts';
import type { IssuedRecord } from './issued-certificates.ts';
import { judge, type Proxies, type Verdict } from './judge.ts';
import { Presence } from './presence.ts';
import { Problems } from './problems.ts';
import type { ProvenProxies } from './proven.ts';
import type { Surroundings } from './surroundings.ts';
import { VerdictReads } from './verdict-reads.ts';

/** What the open streams of proxies say. Ids are those of xDS clients. */
export interface Streams {
  acknowledged(id: ClientId, workloadUid: string): 'YES' | 'NO' | { readonly refused: string };
  returned(id: ClientId): boolean;
  /** The certificate that a proxy reports for an identity; undefined: it reports none, or not at all. */
  shown(id: ClientId, identity: string): HeldCertificate | undefined;
}

/** A pod and what was found of it. */
export interface Judged {
  readonly pod: PodObject;
  readonly part: Mode | 'GATEWAY';
  /** Why it takes no part although its labels say so: nobody captures its traffic; absent otherwise. */
  readonly uncaptured?: string | undefined;
  readonly verdict: Verdict;
}

/** A pod that is not healthy, or not certainly. */
export interface Finding extends Judged {
  /** Until then it may be on its way up: no proxy has ever served it. Monotonic milliseconds; -Infinity: it was served. */
  readonly startingUntil: number;
}

/** The health of every pod at one instant. */
export interface Health {
  of(pod: PodObject): Verdict;
  /** Those of all pods. */
  readonly problems: Problems;
}

interface Deps {
  readonly cluster: string;
  readonly proven: ProvenProxies;
  readonly streams: Streams;
  readonly issued: IssuedRecord;
  /** Whether peers refuse what an intermediate signed. */
  readonly isRevoked: (issuer: string) => boolean;
  readonly clock: Clock;
  /** Pods that rest on these keys may be of another health now. */
  readonly onChange: (changes: ChangeSet) => void;
}

/** What happens to many proxies at nearly the same time is one change, milliseconds. */
const gatherMillis = 50;
/** A pod that starts is given this long before its proxy is missed. */
const startingMillis = 5000;
/** The wall clock may jump: while a certificate is awaited to end, it is looked at this often. */
const longestWait = 60_000;

/** Keeps what pods' health rests on beside the cluster's objects, and says what of it is another one now. */
export class HealthTracker {
  readonly #deps: Deps;
  readonly #presence = new Presence<ClientId>();
  readonly #reads = new VerdictReads();
  /** Pods by the uids under which proxies know them. */
  readonly #pods = new Map<string, PodKey>();
  /** Proxies whose first answer on their stream has not come. */
  readonly #fresh = new Set<string>();
  /** When pods that no proxy has ever served were first seen, by uid, monotonic; -Infinity for those that were. */
  readonly #firstSeen = new Map<string, number>();
  /** Pods with a problem or with a stale value. */
  readonly problems = new Problems();
  /** Epoch milliseconds at which what a verdict rests on ends. */
  readonly #ends = new Expiries<PodKey>();
  #gathered: ChangeSet | undefined;
  #timer: Timer | undefined;
  /** Epoch milliseconds. */
  #armedFor = Infinity;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Proxies can connect from now on; until they had time to, those of before are taken to be as they were. */
  start(): void {
    const { proven, clock } = this.#deps;
    this.#presence.started(proven.proxies(), clock.monotonic());
    this.#arm();
  }

  opened(id: ClientId): void {
    this.#presence.opened(id);
    this.#fresh.add(id);
    this.#changed({ kind: 'stream', client: id });
  }

  /** `isReplicaLost`: the replica of the agent that has its stream cannot be heard. */
  lost(id: ClientId, isReplicaLost = false): void {
    const together = this.#presence.lost(id, this.#deps.clock.monotonic(), isReplicaLost);
    this.#fresh.delete(id);
    for (const client of together) this.#changed({ kind: 'stream', client });
    this.#arm();
  }

  /** A proxy has answered: the uids of workloads that it took and that it refused. */
  answered(client: ClientId, taken: Iterable<string>, refused: Iterable<string>): void {
    // One that held workloads before may hold certificates of then, which only it has said since its stream was opened.
    if (this.#fresh.delete(client) && this.#deps.streams.returned(client))
      this.#changed({ kind: 'stream', client });
    const named = (name: string): Touched => ({ kind: 'acknowledged', client, type: typeUrls.address, name });
    const awaited = this.#reads.awaitedOf(client);
    if (awaited.size > 0) for (const name of taken) if (awaited.has(name)) this.#changed(named(name));
    for (const name of refused) if (this.#pods.has(name)) this.#changed(named(name));
  }

  certificateIssued(proxyUid: string, identity: string): void {
    if (this.#reads.isAsked(proxyUid, identity)) this.#changed({ kind: 'certificate', proxyUid, identity });
  }

  /** Which certificates a proxy holds is another set now, as it says itself. */
  certificateReported(client: ClientId): void {
    this.#changed({ kind: 'stream', client });
  }

  /** Notes what it reads, for `restingOn`. */
  judge(pod: PodObject, around: Surroundings): Verdict {
    const { cluster, issued, isRevoked, clock } = this.#deps;
    const key = podKey(pod.metadata);
    const now = clock.now();
    const [proxies, certificates] = this.#reads.noting(key, this.#proxies(), { issued, isRevoked }, now);
    this.#pods.set(podUid(cluster, pod), key);
    const verdict = judge(pod, around, proxies, certificates, now);
    const end = Math.min(verdict.until, this.#reads.endsOf(key));
    this.#ends.set(key, end);
    if (end < this.#armedFor) this.#arm();
    return verdict;
  }

  /** Pods whose last judgement read what was touched. */
  restingOn(touched: Touched): Iterable<PodKey> {
    switch (touched.kind) {
      case 'stream':
        return this.#reads.ofClient(touched.client);
      case 'acknowledged': {
        const pod = this.#pods.get(touched.name);
        return pod === undefined ? [] : [pod];
      }
      case 'certificate':
        return this.#reads.ofCertificate(touched.proxyUid, touched.identity);
      case 'hub':
        return touched.type === 'intermediate' ? this.#reads.ofIssuer(touched.name) : [];
      default:
        return [];
    }
  }

  /** Remembers a verdict before it is published: what other clusters have received must be known after a restart. */
  take(key: PodKey, { before, after }: Change<Judged>): readonly Touched[] {
    if (before && before.pod.metadata.uid !== after?.pod.metadata.uid) this.#forget(before);
    if (after) this.#remember(key, after);
    else {
      if (before) this.#pods.delete(podUid(this.#deps.cluster, before.pod));
      this.#reads.forget(key);
      this.problems.set(key, undefined);
      this.#ends.delete(key);
    }
    return [];
  }

  /** The cluster is listed: pods that are not there are gone. */
  listed(pods: Iterable<PodObject>): void {
    this.#deps.proven.keep(new Set([...pods].map(({ metadata }) => metadata.uid)));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #proxies(): Proxies {
    const { streams, clock, proven } = this.#deps;
    const now = clock.monotonic();
    return {
      contact: (id) => this.#presence.contact(id, now),
      held: (id) => this.#presence.held(id, now),
      acknowledged: (id, uid) => streams.acknowledged(id, uid),
      returned: (id) => streams.returned(id),
      shown: (id, identity) => streams.shown(id, identity),
      lastProvenBy: (uid) => proven.of(uid),
    };
  }

  #forget({ pod }: Judged): void {
    const { uid } = pod.metadata;
    this.#deps.proven.set(uid, undefined);
    this.#firstSeen.delete(uid);
  }

  #remember(key: PodKey, judged: Judged): void {
    const { proven, clock } = this.#deps;
    const { problem, provenBy, stale } = judged.verdict;
    const { uid } = judged.pod.metadata;
    // What proved itself now is what holds when a stream is lost; what has a problem proves nothing any more.
    if (provenBy !== undefined) proven.set(uid, provenBy);
    else if (problem && problem.cause !== 'NOT_READY') proven.set(uid, undefined);
    const wasServed = proven.of(uid) !== undefined;
    const seen = wasServed ? -Infinity : (this.#firstSeen.get(uid) ?? clock.monotonic());
    this.#firstSeen.set(uid, seen);
    const isFound = problem !== undefined || stale !== undefined;
    this.problems.set(key, isFound ? { ...judged, startingUntil: seen + startingMillis } : undefined);
  }

  #changed(touched: Touched): void {
    if (this.#gathered) {
      this.#gathered.add(touched);
      return;
    }
    const gathered = new ChangeSet();
    gathered.add(touched);
    this.#gathered = gathered;
    this.#deps.clock.after(gatherMillis, () => {
      this.#gathered = undefined;
      this.#deps.onChange(gathered);
    });
  }

  /** Wakes when the next hold or the next certificate ends. */
  #arm(): void {
    const { clock } = this.#deps;
    this.#timer?.cancel();
    const holds = this.#presence.nextEnd - clock.monotonic();
    const next = Math.min(holds, this.#ends.next - clock.now());
    const wait = next === Infinity ? Infinity : Math.min(Math.max(0, next), longestWait);
    this.#armedFor = clock.now() + wait;
    if (wait === Infinity) return;
    this.#timer = clock.after(wait, () => {
      this.#ended();
      this.#arm();
    });
  }

  #ended(): void {
    const { clock } = this.#deps;
    for (const client of this.#presence.ended(clock.monotonic())) this.#changed({ kind: 'stream', client });
    for (const pod of this.#ends.due(clock.now()))
      for (const { proxyUid, identity } of this.#reads.certificatesOf(pod))
        this.#changed({ kind: 'certificate', proxyUid, identity });
  }
}
