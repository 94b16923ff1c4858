import { watch, type FSWatcher } from 'node:fs';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { sleep, type Clock, type Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { isCaptured, type Enrolment, type Target } from './enrol/enrolment.ts';
import { Enrolments } from './enrol/enrolments.ts';
import type { KeptTargets } from './enrol/kept-targets.ts';
import type { ProbeRules } from './host/probe-rules.ts';
import { eligibilityOf, isAmbient, type Eligibility } from './pods/eligible.ts';
import { foundNamespaces, identityAt, type FoundNamespace, type Places } from './pods/found-namespaces.ts';
import type { NodePods } from './pods/node-pods.ts';
import { annotationsOf, hasAnnotations } from './report/annotations.ts';
import type { Annotator } from './report/annotator.ts';
import type { PodRules } from './rules/pod-rules.ts';
import type { ZdsServer } from './zds/server.ts';

/** A namespace that is not there yet is looked for so often. */
const lookMillis = 250;
/** And each enrolled one so often, whether it is there still: its folder may not be watched. */
const sweepMillis = 10_000;
/** So often the rules of all captured pods are read back, and made whole where another program changed them. */
const checkMillis = 60_000;
/** A pod that starts waits so long for the proxy: less than the plugin waits for this. */
const startMillis = 25_000;
/** And so long for the watch of pods, which is behind by milliseconds. */
const unknownMillis = 1500;
const pollMillis = 5;

interface Deps {
  readonly nodePods: NodePods;
  readonly zds: ZdsServer;
  readonly rules: PodRules;
  readonly probes: ProbeRules;
  readonly annotator: Annotator;
  readonly kept: KeptTargets;
  /** Which namespaces are captured may be another thing now. */
  readonly onNamespaces: (names: readonly string[]) => void;
  readonly places: Places;
  /** Where the runtime keeps namespaces, `/var/run/netns`: a change in it is looked at at once. */
  readonly netns: string;
  readonly ownNamespace: string;
  readonly dns: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Joins what the API says of pods with their namespaces, and passes on what follows: enrolments, probes, annotations. */
export class NodeCapture {
  readonly #deps: Deps;
  readonly enrolments: Enrolments;
  /** Pods that are to be captured and whose namespace is not known. */
  readonly #homeless = new Set<string>();
  /** Namespaces that a chained plugin has named, until the runtime's own files have them. */
  readonly #named = new Map<string, FoundNamespace>();
  /** Namespaces that the plugin said end, by pod, while the runtime's files still have them. */
  readonly #ended = new Map<string, string>();
  readonly #timers = new Set<Timer>();
  #look: Timer | undefined;
  #watcher: FSWatcher | undefined;
  #isArmed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    const { zds, rules, clock, log } = deps;
    const onChange = (uid: string, enrolment: Enrolment | undefined) => this.#changed(uid, enrolment);
    this.enrolments = new Enrolments({ zds, rules, clock, log, onChange });
  }

  /**
   * Takes over what an agent before this one has enrolled, by its list and the pods' own rules. Afterwards proxies may be
   * let in: one that had been sent SnapshotSent before would have dropped those pods, whose rules would refuse everything.
   */
  recover(): void {
    const found = foundNamespaces(this.#deps.places);
    for (const kept of this.#deps.kept.restore()) {
      const path = found.get(kept.uid);
      if (path?.identity === kept.identity)
        this.enrolments.event(kept.uid, { type: 'FOUND', target: { ...kept, path: path.path } });
    }
  }

  start(): void {
    this.#every(sweepMillis, () => this.#sweep());
    this.#every(checkMillis, () => this.#suspect());
    try {
      this.#watcher = watch(this.#deps.netns, () => this.#lookSoon());
      this.#watcher.on('error', () => undefined);
    } catch (error) {
      this.#deps.log.warn(
        { folder: this.#deps.netns, error: String(error) },
        'the folder of namespaces cannot be watched',
      );
    }
  }

  /** Labels of a namespace are others now; before its pods are looked at. */
  namespacesChanged(): void {
    if (this.#deps.nodePods.synced) this.#deps.onNamespaces(this.capturedNamespaces);
  }

  /** What is known of a pod is another thing now. */
  podChanged(uid: string, isGone: boolean): void {
    const pod = this.#deps.nodePods.pod(uid);
    if (isGone || !pod || pod.finished) {
      this.#homeless.delete(uid);
      this.#named.delete(uid);
      this.enrolments.event(uid, { type: 'GONE' });
      if (isGone || !pod) {
        this.#deps.annotator.forget(uid);
        this.#ended.delete(uid);
      }
      return;
    }
    const eligibility = this.#eligibility(pod);
    if (eligibility.capture) this.#want(pod, eligibility);
    else {
      this.#homeless.delete(uid);
      this.enrolments.event(uid, { type: 'UNWANTED' });
    }
    this.#annotate(pod, eligibility);
  }

  /**
   * A pod is about to start, with this namespace. Resolves to why it must not; undefined: it is captured, or need not be. A pod
   * that is not known after a while starts, unless its namespace is captured.
   */
  async beforeStart(uid: string, namespace: string, netns: string): Promise<string | undefined> {
    const { nodePods, clock } = this.#deps;
    const end = clock.monotonic() + startMillis;
    while (!nodePods.pod(uid) && clock.monotonic() < end - startMillis + unknownMillis)
      await sleep(clock, pollMillis);
    const pod = nodePods.pod(uid);
    if (!pod)
      return isAmbient(nodePods.labels(namespace))
        ? 'the API server has yet to say what this pod is'
        : undefined;
    if (!this.#eligibility(pod).capture) return undefined;
    this.namespaceNamed(uid, netns);
    for (;;) {
      const enrolment = this.enrolments.of(uid);
      if (enrolment && isCaptured(enrolment)) return undefined;
      const current = nodePods.pod(uid);
      if (!current || !this.#eligibility(current).capture) return undefined;
      if (enrolment?.problem !== undefined) return enrolment.problem;
      if (clock.monotonic() >= end) return 'no proxy has answered: look at ztunnel on this node';
      await sleep(clock, pollMillis);
    }
  }

  /** Namespaces that are labelled, or have pods that are enrolled. */
  get capturedNamespaces(): readonly string[] {
    const enrolled = [...this.enrolments.all.values()].flatMap(({ listed }) => listed?.namespace ?? []);
    return [...new Set([...this.#deps.nodePods.labelled(isAmbient), ...enrolled])];
  }

  /** A chained plugin says where the namespace of a pod is, before the runtime's files do. */
  namespaceNamed(uid: string, path: string): void {
    const identity = identityAt(path);
    if (identity !== undefined) this.#named.set(uid, { uid, path, identity });
    this.#ended.delete(uid);
    this.podChanged(uid, false);
  }

  /** A namespace is about to end. One that a pod has left for another is passed over. */
  namespaceEnds(uid: string, path: string): void {
    const enrolment = this.enrolments.of(uid);
    const identity = identityAt(path);
    if (identity === undefined || enrolment?.listed?.identity !== identity) return;
    this.#named.delete(uid);
    this.#ended.set(uid, identity);
    this.enrolments.event(uid, { type: 'GONE' });
  }

  /** Why pods are not captured that are to be, by `<namespace>/<name>`. */
  get problems(): ReadonlyMap<string, string> {
    const problems = new Map<string, string>();
    for (const { wanted, problem } of this.enrolments.all.values())
      if (wanted && problem !== undefined) problems.set(`${wanted.namespace}/${wanted.name}`, problem);
    for (const uid of this.#homeless) {
      const pod = this.#deps.nodePods.pod(uid);
      if (pod) problems.set(`${pod.metadata.namespace}/${pod.metadata.name}`, noNamespace);
    }
    return problems;
  }

  /** Addresses of enrolled pods. */
  probed(): readonly string[] {
    return [...this.enrolments.all].flatMap(([uid, { listed }]) => {
      const pod = listed && this.#deps.nodePods.pod(uid);
      return pod ? [pod.podIP, ...pod.otherIPs].filter((address) => address !== '') : [];
    });
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#look?.cancel();
    this.#watcher?.close();
    this.enrolments.close();
  }

  #eligibility(pod: PodObject): Eligibility {
    const { nodePods, ownNamespace, dns } = this.#deps;
    return eligibilityOf(pod, {
      namespaceLabels: nodePods.labels(pod.metadata.namespace),
      ownNamespace,
      dns,
    });
  }

  #want(pod: PodObject, { options }: Extract<Eligibility, { capture: true }>): void {
    const { uid, name, namespace } = pod.metadata;
    const place = this.#placeOf(uid);
    if (!place) {
      this.#homeless.add(uid);
      this.#lookSoon();
      return;
    }
    this.#homeless.delete(uid);
    const { path, identity } = place;
    const serviceAccount = pod.serviceAccount;
    const target: Target = { uid, name, namespace, serviceAccount, options, path, identity };
    this.enrolments.event(uid, { type: this.enrolments.of(uid) ? 'WANTED' : 'FOUND', target });
  }

  /** The namespace that a pod has now: as the plugin said, as it is enrolled, or as the runtime's files say. */
  #placeOf(uid: string): FoundNamespace | undefined {
    const isThere = (one: FoundNamespace | undefined) =>
      one && one.identity !== this.#ended.get(uid) && identityAt(one.path) === one.identity ? one : undefined;
    const { listed } = this.enrolments.of(uid) ?? {};
    const known = isThere(this.#named.get(uid)) ?? isThere(listed);
    return known ?? isThere(foundNamespaces(this.#deps.places).get(uid));
  }

  #lookSoon(): void {
    this.#look ??= this.#deps.clock.after(lookMillis, () => {
      this.#look = undefined;
      this.#lookNow();
    });
  }

  #lookNow(): void {
    this.#sweep();
    if (this.#homeless.size === 0) return;
    const found = foundNamespaces(this.#deps.places);
    for (const uid of [...this.#homeless])
      if (found.has(uid) && found.get(uid)?.identity !== this.#ended.get(uid)) this.podChanged(uid, false);
    if (this.#homeless.size > 0) this.#lookSoon();
  }

  /** A namespace whose path leads nowhere, or to another, has ended: nothing else says so. */
  #sweep(): void {
    for (const [uid, { listed }] of this.enrolments.all) {
      if (!listed || identityAt(listed.path) === listed.identity) continue;
      this.enrolments.event(uid, { type: 'GONE' });
      this.podChanged(uid, false);
    }
  }

  #suspect(): void {
    for (const uid of this.enrolments.all.keys()) this.enrolments.event(uid, { type: 'SUSPECT' });
  }

  #changed(uid: string, enrolment: Enrolment | undefined): void {
    const pod = this.#deps.nodePods.pod(uid);
    if (pod) this.#annotate(pod, this.#eligibility(pod), enrolment);
    this.#saveSoon();
  }

  #annotate(
    pod: PodObject,
    eligibility: Eligibility,
    enrolment = this.enrolments.of(pod.metadata.uid),
  ): void {
    // While rules are written or read it is neither the one nor the other, unless that has failed.
    if (enrolment?.running?.do === 'APPLY') return;
    if (enrolment?.rules === 'UNKNOWN' && enrolment.problem === undefined) return;
    const wanted = annotationsOf(enrolment, eligibility.capture ? undefined : eligibility.why);
    const { uid, name, namespace } = pod.metadata;
    if (!hasAnnotations(pod, wanted)) this.#deps.annotator.set({ uid, name, namespace }, wanted);
  }

  /** Once for all that changes in one turn of the event loop. */
  #saveSoon(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      const listed = [...this.enrolments.all.values()].flatMap((one) => one.listed ?? []);
      this.#deps.kept.keep(listed);
      this.namespacesChanged();
      // Before the pods are known, the rules of an agent before this one stay as they are.
      if (this.#deps.nodePods.synced) this.#deps.probes.set(this.probed());
    });
  }

  #every(millis: number, run: () => void): void {
    const timer = this.#deps.clock.after(millis, () => {
      this.#timers.delete(timer);
      run();
      this.#every(millis, run);
    });
    this.#timers.add(timer);
  }
}

const noNamespace =
  'its network namespace is not found: mount /var/run/netns and the tasks of containerd, or the processes of the host';
