import { isDeepStrictEqual } from 'node:util';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { SourceEvent } from '../source.ts';
import type { Allocations } from './allocations.ts';
import { defaultProbe, type Ask } from './ask.ts';
import { place, type Placed } from './place.ts';
import { Prober } from './prober.ts';

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
  readonly probe: Probe | undefined;
  readonly prober: Prober | undefined;
}

const origin = 'pods';

/** What a kubelet and a network plugin do for the pods of a cluster that is files: addresses, and readiness. */
export class Kubelet {
  readonly #deps: Deps;
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
    for (const event of events)
      if (event.type === 'upsert' && event.object.kind === 'Pod') manifests.set(event.id, event.object);
      else {
        if (event.type === 'remove') this.#remove(event.id);
        others.push(event);
      }
    // One that found no address before may find one now.
    for (const [id, { manifest, problems }] of this.#pods)
      if (problems.length > 0 && !manifests.has(id)) manifests.set(id, manifest);
    return [...others, ...this.#run(manifests), ...this.#problems()];
  }

  stop(): void {
    for (const { prober } of this.#pods.values()) prober?.stop();
  }

  /** What manifests give goes before what is allocated, in whatever order they come. */
  #run(manifests: ReadonlyMap<string, PodObject>): readonly SourceEvent[] {
    const placed = place(this.#deps.allocations, [...manifests.values()]);
    return [...manifests].map(([id, manifest], i) => {
      const running = this.#start(id, manifest, placed[i] ?? { pod: manifest, problems: [] });
      this.#pods.set(id, running);
      return { type: 'upsert', id, object: running.pod };
    });
  }

  /** A prober goes on unless it would ask something else: the readiness that it has seen is not to be lost. */
  #start(id: string, manifest: PodObject, { pod, problems }: Placed): Running {
    const before = this.#pods.get(id);
    const probe = pod.readinessProbe ?? defaultProbe(pod);
    const ready = probe === undefined || before?.pod.ready === true;
    const running = { manifest, pod: { ...pod, ready }, problems, probe };
    if (before?.prober && isDeepStrictEqual(asksOf(before), asksOf(running)))
      return { ...running, prober: before.prober };
    before?.prober?.stop();
    this.#unasked.delete(id);
    return { ...running, prober: probe && this.#probe(id, running.pod, probe) };
  }

  #probe(id: string, pod: PodObject, probe: Probe): Prober {
    this.#unasked.add(id);
    return new Prober({
      ...{ probe, clock: this.#deps.clock, ready: pod.ready === true },
      ask: () => this.#deps.ask(pod, probe),
      onReady: (ready) => this.#ready(id, ready),
      onAnswer: () => {
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
    running.prober?.stop();
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

/** What decides whom a prober asks, and for what. */
const asksOf = ({ pod, probe }: Pick<Running, 'pod' | 'probe'>) => [
  probe,
  pod.ports,
  pod.metadata.annotations['isthmus.io/app-address'],
];
