import type { Applied } from '@isthmus/api/domain/report.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { explain } from '../health/explain.ts';
import type { Judged } from '../health/tracker.ts';
import { podKey, uidOfPod, type PodKey } from '../keys/names.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { selects } from '../view/selectors.ts';
import { Sets } from '../view/sets.ts';
import { everyNamespace, type CoveredPolicy, type Held } from './covered-policy.ts';
import { WatchedPolicy, type Enforcement, type Progress } from './watched-policy.ts';

/** What open streams of proxies say of one resource. */
export interface Acknowledgements {
  /** The proxy has a stream, at this replica of the agent or at another one. */
  isConnected(client: string): boolean;
  /** In whatever version, unless the newest was refused. */
  acknowledged(client: string, type: string, name: string): 'YES' | 'NO' | { readonly refused: string };
  /** In the version that it has now. */
  acknowledgedNow(client: string, type: string, name: string): boolean;
}

/** What coverage rests on, as it is at the moment. */
export interface CoverageWorld {
  readonly cluster: string;
  readonly view: Pick<ClusterView, 'podNamed' | 'podsSelectedBy'> & Partial<Pick<ClusterView, 'pods'>>;
  readonly judged: (pod: PodKey) => Pick<Judged, 'part' | 'uncaptured' | 'verdict'> | undefined;
  /** The workload as it is published names this policy. */
  readonly isNamed: (uid: string, policy: string) => boolean;
  readonly streams: Acknowledgements;
  /** IGNORED: a policy does not wait for workloads that no proxy serves, as they are in no mesh mode or gateways. */
  readonly outside?: 'IGNORED';
}

/**
 * Whether policies are in force: a policy is applied where every workload that it selects has a proxy that
 * has acknowledged the policy, and the workload as one that it is attached to. A pair of policy and pod is looked at
 * again when something that it rests on has changed.
 */
export class PolicyCoverage {
  readonly #world: CoverageWorld;
  /** By name. */
  readonly #policies = new Map<string, WatchedPolicy>();
  /** By the name that proxies have for them. */
  readonly #byKey = new Sets<string, WatchedPolicy>();
  readonly #byNamespace = new Sets<string, WatchedPolicy>();
  readonly #byPod = new Sets<PodKey, WatchedPolicy>();
  readonly #podsOfProxy = new Sets<string, PodKey>();
  readonly #proxyOfPod = new Map<PodKey, string>();
  readonly #podsByUid = new Map<string, PodKey>();
  /** Names of policies whose report may be another one. */
  readonly #differing = new Set<string>();

  constructor(world: CoverageWorld) {
    this.#world = world;
  }

  get isEmpty(): boolean {
    return this.#policies.size === 0;
  }

  /** How many pods it keeps: those that a policy selects. */
  get size(): number {
    return this.#podsByUid.size;
  }

  /** A policy as it is now; undefined: it is gone. */
  setPolicy(name: string, policy: CoveredPolicy | undefined, version: string): void {
    const before = this.#policies.get(name);
    const pods = new Set(before?.pods());
    if (before) this.#remove(name, before);
    if (policy) {
      const watched = new WatchedPolicy(policy, version, before);
      this.#policies.set(name, watched);
      for (const key of policy.keys) this.#byKey.add(key, watched);
      this.#byNamespace.add(policy.target.namespace, watched);
      for (const pod of this.#selectedBy(policy)) this.#look(watched, podKey(pod.metadata));
      watched.looked();
    }
    for (const pod of pods) this.#forgetUnless(pod);
    this.#differing.add(name);
  }

  /** The pod, how it takes part, or its health is another one. */
  podTouched(key: PodKey): void {
    if (this.isEmpty) return;
    const pod = this.#world.view.podNamed(key);
    const now = pod ? this.#reaching(pod).filter((one) => isTarget(one, pod)) : [];
    for (const watched of new Set([...this.#byPod.get(key), ...now])) this.#look(watched, key);
    this.#forgetUnless(key);
  }

  /** The stream of a proxy has opened or ended. */
  proxyTouched(client: string): void {
    for (const pod of [...this.#podsOfProxy.get(client)]) this.podTouched(pod);
  }

  /** What proxies hold of a workload is another version than before, or there is another version of it. */
  workloadTouched(uid: string): void {
    const pod = this.#podsByUid.get(uid);
    if (pod !== undefined) for (const watched of [...this.#byPod.get(pod)]) this.#look(watched, pod);
  }

  /** What a proxy holds of a policy is another version than before. `client` undefined: there is another version of it. */
  policyTouched(key: string, client: string | undefined): void {
    for (const watched of this.#byKey.get(key)) {
      const pods = client === undefined ? watched.pods() : this.#podsOfProxy.get(client);
      for (const pod of [...pods]) if (watched.selects(pod)) this.#look(watched, pod);
    }
  }

  /** Names of policies whose report may be another one than when it was asked for last. */
  get differing(): Iterable<string> {
    return this.#differing;
  }

  /** Undefined: there is no such policy. */
  takeReport(name: string): Applied | undefined {
    this.#differing.delete(name);
    return this.#policies.get(name)?.report();
  }

  /** The same in parts; undefined: there is no such policy. */
  takeProgress(name: string): Progress | undefined {
    this.#differing.delete(name);
    return this.#policies.get(name)?.progress();
  }

  /** Policies of the pod's namespace, and those of every namespace. */
  #reaching({ metadata }: PodObject): readonly WatchedPolicy[] {
    return [...this.#byNamespace.get(metadata.namespace), ...this.#byNamespace.get(everyNamespace)];
  }

  #selectedBy({ target: { namespace, labels } }: CoveredPolicy): Iterable<PodObject> {
    const { view } = this.#world;
    return namespace === everyNamespace ? (view.pods?.() ?? []) : view.podsSelectedBy(namespace, labels);
  }

  #look(watched: WatchedPolicy, key: PodKey): void {
    const pod = this.#world.view.podNamed(key);
    const isSelected = pod !== undefined && pod.podIP !== '' && isTarget(watched, pod);
    const enforcement = isSelected ? this.#enforcement(watched, pod, key) : undefined;
    if (enforcement) this.#byPod.add(key, watched);
    else this.#byPod.delete(key, watched);
    if (enforcement) this.#remember(key);
    if (watched.set(key, enforcement)) this.#differing.add(watched.policy.name);
  }

  /** By which the pod is found when its proxy says something. */
  #remember(key: PodKey): void {
    this.#podsByUid.set(uidOfPod(this.#world.cluster, key), key);
    const proxy = this.#world.judged(key)?.verdict.provenBy;
    const before = this.#proxyOfPod.get(key);
    if (before === proxy) return;
    if (before !== undefined) this.#podsOfProxy.delete(before, key);
    if (proxy === undefined) this.#proxyOfPod.delete(key);
    else {
      this.#proxyOfPod.set(key, proxy);
      this.#podsOfProxy.add(proxy, key);
    }
  }

  #forgetUnless(key: PodKey): void {
    for (const _policy of this.#byPod.get(key)) return;
    const proxy = this.#proxyOfPod.get(key);
    if (proxy !== undefined) this.#podsOfProxy.delete(proxy, key);
    this.#proxyOfPod.delete(key);
    this.#podsByUid.delete(uidOfPod(this.#world.cluster, key));
  }

  #remove(name: string, watched: WatchedPolicy): void {
    const { keys, target } = watched.policy;
    this.#policies.delete(name);
    for (const key of keys) this.#byKey.delete(key, watched);
    this.#byNamespace.delete(target.namespace, watched);
    for (const pod of watched.pods()) this.#byPod.delete(pod, watched);
  }

  /** Undefined: the policy is not for this pod. */
  #enforcement(watched: WatchedPolicy, pod: PodObject, name: PodKey): Enforcement | undefined {
    const { judged, outside } = this.#world;
    const held = watched.policy.at(pod);
    if (!held) return undefined;
    const known = judged(name);
    if (!known) return uncovered(beingSent);
    if (known.uncaptured !== undefined) return uncovered(notCapturedText(known.uncaptured));
    const isOutside = known.part === 'NONE' || known.part === 'GATEWAY';
    if (isOutside && outside === 'IGNORED') return { kind: 'outside', proxy: undefined };
    const { problem, provenBy } = known.verdict;
    if (problem && problem.cause !== 'NOT_READY') {
      const { cause } = explain(problem, pod, known.part);
      return problem.cause === 'PROXY_NOT_CONNECTED' ? unheard(cause) : uncovered(cause);
    }
    if (known.part === 'NONE') return uncovered('it is of no mesh mode, so no proxy serves it');
    if (known.part === 'GATEWAY') return uncovered('it is a gateway, which enforces no policy on itself');
    // The verdict follows streams a moment later.
    if (provenBy === undefined || !this.#world.streams.isConnected(provenBy))
      return unheard('its proxy has lost its connection to the agent');
    return this.#atProxy(watched, held, name, provenBy);
  }

  #atProxy(watched: WatchedPolicy, held: readonly Held[], name: PodKey, proxy: string): Enforcement {
    const { streams, cluster, isNamed } = this.#world;
    const uid = uidOfPod(cluster, name);
    for (const { key, isNamedByWorkload } of held) {
      const policy = streams.acknowledged(proxy, typeUrls.authorization, key);
      if (typeof policy === 'object') return { kind: 'refused', proxy, why: policy.refused };
      if (!streams.acknowledgedNow(proxy, typeUrls.authorization, key))
        return uncovered('its proxy has not acknowledged the policy', proxy);
      if (isNamedByWorkload && !isNamed(uid, key)) return uncovered(beingSent, proxy);
    }
    return watched.isAttached(name, proxy) || streams.acknowledgedNow(proxy, typeUrls.address, uid)
      ? { kind: 'covered', proxy }
      : uncovered('its proxy has not acknowledged that the policy is attached', proxy);
  }
}

const uncovered = (why: string, proxy?: string): Enforcement => ({ kind: 'uncovered', proxy, why });

const unheard = (why: string): Enforcement => ({ kind: 'unheard', proxy: undefined, why });

const notCapturedText = (why: string): string =>
  `its traffic is not captured${why === '' ? '' : ` (${why})`}`;

const beingSent = 'it is being sent to proxies';

const isTarget = ({ policy: { target } }: WatchedPolicy, { metadata }: PodObject): boolean =>
  (target.namespace === everyNamespace || target.namespace === metadata.namespace) &&
  selects(target.labels, metadata.labels);
