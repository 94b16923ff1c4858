import { isDeepStrictEqual } from 'node:util';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import { objectId, type ClusterObject, type PodObject, type Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { ClusterView } from '../../view/cluster-view.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import type { Allocations } from './allocations.ts';
import { defaultProbe, type Ask } from './ask.ts';
import { listeningIn, movesPods, podsMovedBy } from './listening.ts';
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
  /** What pods lack, of those that lack something. */
  readonly #troubled = new Map<string, readonly Rejection[]>();
  #isNews = false;
  /** Addresses that had become free when pods without one were looked at last. */
  #freed = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Every pod that is probed has been asked once. */
  get asked(): boolean {
    return this.#unasked.size === 0;
  }

  /** The events of a folder, with pods as they run here. Costs what they name, and the pods that move with it. */
  enrich(events: readonly SourceEvent[]): readonly SourceEvent[] {
    if (events.length === 0) return events;
    const manifests = new Map<string, PodObject>();
    const others: SourceEvent[] = [];
    const movers: ClusterObject[] = [];
    for (const event of events) {
      if (event.type === 'upsert' || event.type === 'remove') movers.push(...this.#moversIn(event));
      if (event.type === 'upsert' && event.object.kind === 'Pod') manifests.set(event.id, event.object);
      else {
        if (event.type === 'remove') this.#remove(event.id);
        others.push(event);
      }
    }
    const before = movers.flatMap((object) => [...podsMovedBy(this.#view, object)]);
    this.#view.apply(events.filter(({ type }) => type !== 'rejections'));
    const listening = listeningIn(this.#view);
    const moved = movers.flatMap((object) => [...podsMovedBy(this.#view, object)]);
    for (const id of this.#due([...before, ...moved], listening)) {
      const running = this.#pods.get(id);
      if (running && !manifests.has(id)) manifests.set(id, running.manifest);
    }
    const running = this.#run(manifests, listening);
    return [...others, ...running, ...this.#again(manifests, listening), ...this.#problems()];
  }

  stop(): void {
    for (const { probing } of this.#pods.values()) probing?.stop();
  }

  /** What the event says of objects with which pods move, as they were and as they are. */
  #moversIn(event: Extract<SourceEvent, { type: 'upsert' | 'remove' }>): readonly ClusterObject[] {
    const forms = [this.#view.byId(event.id), event.type === 'upsert' ? event.object : undefined];
    return forms.filter((object) => object !== undefined).filter(movesPods);
  }

  /** One that found no address may find one that another pod has just given up. */
  #again(
    run: ReadonlyMap<string, PodObject>,
    listening: (pod: PodObject) => Listening,
  ): readonly SourceEvent[] {
    const { freed } = this.#deps.allocations;
    if (freed === this.#freed) return [];
    const ids = [...this.#troubled.keys()].filter((id) => !run.has(id));
    const manifests = ids.flatMap((id): [string, PodObject][] => {
      const running = this.#pods.get(id);
      return running ? [[id, running.manifest]] : [];
    });
    return this.#run(new Map(manifests), listening);
  }

  /** One that found no address before may find one now; one whose namespace joins the mesh listens elsewhere. */
  *#due(moved: readonly PodObject[], now: (pod: PodObject) => Listening): Iterable<string> {
    for (const { kind, metadata } of moved) {
      const id = objectId(kind, metadata);
      const running = this.#pods.get(id);
      if (running && !isDeepStrictEqual(now(running.manifest), running.listening)) yield id;
    }
    const { freed } = this.#deps.allocations;
    if (freed !== this.#freed) yield* [...this.#troubled.keys()];
    this.#freed = freed;
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
      this.#report(id, running.problems);
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
    this.#report(id, []);
    const { namespace, name } = running.pod.metadata;
    for (const kind of ['pods', 'apps'] as const)
      this.#deps.allocations.unreserve(kind, `${namespace}/${name}`);
  }

  #report(id: string, problems: readonly Rejection[]): void {
    if (isDeepStrictEqual(this.#troubled.get(id) ?? [], problems)) return;
    this.#isNews = true;
    if (problems.length > 0) this.#troubled.set(id, problems);
    else this.#troubled.delete(id);
  }

  #problems(): readonly SourceEvent[] {
    if (!this.#isNews) return [];
    this.#isNews = false;
    return [{ type: 'rejections', origin, rejections: [...this.#troubled.values()].flat() }];
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
