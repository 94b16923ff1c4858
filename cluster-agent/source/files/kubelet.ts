import { isDeepStrictEqual } from 'node:util';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { ClusterView } from '../../view/cluster-view.ts';
import type { SourceEvent } from '../source.ts';
import type { Allocations } from './allocations.ts';
import { defaultProbe, type Ask } from './ask.ts';
import { listeningIn, movesPods } from './listening.ts';
import { place, type Listening, type Placed } from './place.ts';
import { PodProbes } from './pod-probes.ts';

interface Deps {
  readonly allocations: Allocations;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly emit: (batch: readonly SourceEvent[]) => void;
  /** Some pod was asked for the first time. */
  readonly onAnswer: () => void;
}

interface Running extends Placed {
  readonly manifest: PodObject;
  readonly listening: Listening;
  readonly probes: readonly Probe[];
  readonly probing: PodProbes | undefined;
}

const origin = 'pods';
/** A kubelet asks once a second at the most. A TCP connection that is refused is noticed by nobody. */
const startMillis = { declared: 1000, default: 200 };

/** What a kubelet and a network plugin do for the pods of a cluster that is files: addresses, and readiness. */
export class Kubelet {
  readonly #deps: Deps;
  /** As the manifests have it. */
  readonly #view = new ClusterView();
  readonly #pods = new Map<string, Running>();
  readonly #unasked = new Set<string>();
  #told: readonly Rejection[] = [];

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Every pod that is probed has been asked once. */
  get asked(): boolean {
    return this.#unasked.size === 0;
  }

  /** The events of a folder, with pods as they run here. */
  enrich(events: readonly SourceEvent[]): readonly SourceEvent[] {
    if (events.length === 0) return events;
    const manifests = new Map<string, PodObject>();
    const others: SourceEvent[] = [];
    let moves = false;
    for (const event of events) {
      if (event.type === 'upsert' || event.type === 'remove') moves ||= movesPods(this.#view.byId(event.id));
      if (event.type === 'upsert') moves ||= movesPods(event.object);
      if (event.type === 'upsert' && event.object.kind === 'Pod') manifests.set(event.id, event.object);
      else {
        if (event.type === 'remove') this.#remove(event.id);
        others.push(event);
      }
    }
    this.#view.apply(events.filter(({ type }) => type !== 'rejections'));
    const listening = listeningIn(this.#view);
    for (const [id, running] of this.#pods)
      if (!manifests.has(id) && this.#isDue(running, moves, listening)) manifests.set(id, running.manifest);
    return [...others, ...this.#run(manifests, listening), ...this.#problems()];
  }

  stop(): void {
    for (const { probing } of this.#pods.values()) probing?.stop();
  }

  /** One that found no address before may find one now; one whose namespace joins the mesh listens elsewhere. */
  #isDue({ manifest, problems, listening }: Running, moves: boolean, now: (pod: PodObject) => Listening) {
    return problems.length > 0 || (moves && !isDeepStrictEqual(now(manifest), listening));
  }

  /** What manifests give goes before what is allocated, in whatever order they come. */
  #run(
    manifests: ReadonlyMap<string, PodObject>,
    listening: (pod: PodObject) => Listening,
  ): readonly SourceEvent[] {
    const placed = place(this.#deps.allocations, [...manifests.values()], listening);
    return [...manifests].map(([id, manifest], i) => {
      const at = placed[i] ?? { pod: manifest, problems: [] };
      const running = this.#start(id, manifest, listening(manifest), at);
      this.#pods.set(id, running);
      return { type: 'upsert', id, object: running.pod };
    });
  }

  /** Probes go on unless they would ask something else: the readiness that they have seen is not to be lost. */
  #start(id: string, manifest: PodObject, listening: Listening, { pod, problems }: Placed): Running {
    const before = this.#pods.get(id);
    const probes = probesOf(pod);
    const ready = !pod.finished && (probes.length === 0 || before?.pod.ready === true);
    const running = { manifest, listening, pod: { ...pod, ready }, problems, probes };
    if (before?.probing && isDeepStrictEqual(asksOf(before), asksOf(running)))
      return { ...running, probing: before.probing };
    before?.probing?.stop();
    this.#unasked.delete(id);
    return { ...running, probing: probes.length === 0 ? undefined : this.#probe(id, running.pod, probes) };
  }

  #probe(id: string, pod: PodObject, probes: readonly Probe[]): PodProbes {
    this.#unasked.add(id);
    const isDeclared = pod.readinessProbes.length > 0;
    return new PodProbes({
      probes,
      ready: pod.ready === true,
      ask: (probe) => this.#deps.ask(pod, probe),
      clock: this.#deps.clock,
      startMillis: isDeclared ? startMillis.declared : startMillis.default,
      onReady: (ready) => this.#ready(id, ready),
      onAsked: () => {
        if (this.#unasked.delete(id)) this.#deps.onAnswer();
      },
    });
  }

  #ready(id: string, ready: boolean): void {
    const running = this.#pods.get(id);
    if (!running) return;
    const pod = { ...running.pod, ready };
    this.#pods.set(id, { ...running, pod });
    this.#deps.emit([{ type: 'upsert', id, object: pod }]);
  }

  #remove(id: string): void {
    const running = this.#pods.get(id);
    if (!running) return;
    running.probing?.stop();
    this.#pods.delete(id);
    this.#unasked.delete(id);
    const { namespace, name } = running.pod.metadata;
    for (const kind of ['pods', 'apps'] as const)
      this.#deps.allocations.unreserve(kind, `${namespace}/${name}`);
  }

  #problems(): readonly SourceEvent[] {
    const rejections = [...this.#pods.values()].flatMap(({ problems }) => problems);
    if (isDeepStrictEqual(rejections, this.#told)) return [];
    this.#told = rejections;
    return [{ type: 'rejections', origin, rejections }];
  }
}

/** Those that it declares, or else one connection a second; none for a pod that has finished. */
function probesOf(pod: PodObject): readonly Probe[] {
  if (pod.finished) return [];
  if (pod.readinessProbes.length > 0) return pod.readinessProbes;
  const probe = defaultProbe(pod);
  return probe ? [probe] : [];
}

/** The inputs that decide which pods are probed, and how. */
const asksOf = ({ pod, probes }: Pick<Running, 'pod' | 'probes'>) => [probes, pod.appAddress];
