import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { KubernetesSource } from '@isthmus/cluster-agent/source/kubernetes/kubernetes-source.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeApiServer } from '../../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { settled } from '../../../fakes/turns.ts';

/** The resource of a kind that agents watch. */
export function resourceOf(kind: string): Resource {
  const found = watched.find(({ resource }) => resource.kind === kind);
  if (!found) throw new Error(`${kind} is not watched`);
  return found.resource;
}

export const builtInKinds = watched
  .filter(({ mayBeMissing }) => !mayBeMissing)
  .map(({ resource }) => resource);

/** An API server in memory with all kinds, and a view that follows it. */
export class SourceWorld {
  readonly clock = new FakeClock();
  readonly server: FakeApiServer;
  readonly view = new ClusterView();
  readonly batches: (readonly SourceEvent[])[] = [];
  readonly source: KubernetesSource;
  readonly #end = new AbortController();
  #run: Promise<void> | undefined;

  constructor(kinds: readonly Resource[] = watched.map(({ resource }) => resource)) {
    this.server = new FakeApiServer(kinds);
    this.source = new KubernetesSource({
      server: this.server,
      clock: this.clock,
      random: systemRandom,
      turn: setImmediate,
    });
  }

  async start(): Promise<this> {
    this.#run = this.source.run((batch) => {
      this.batches.push(batch);
      this.view.apply(batch);
    }, this.#end.signal);
    await settled();
    return this;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#run;
  }

  put(kind: string, name: string, over: object = {}, metadata: object = {}): void {
    const resource = resourceOf(kind);
    const place = resource.isNamespaced ? { namespace: 'shop', name } : { name };
    this.server.put(resource, { metadata: { ...place, ...metadata }, ...over });
  }

  /** The events of what happens while something runs, as text. */
  async during(run: () => void | Promise<void>): Promise<readonly string[]> {
    const before = this.batches.length;
    await run();
    await settled();
    return this.batches
      .slice(before)
      .flat()
      .map(
        (event) =>
          `${event.type} ${event.type === 'synced' ? '' : event.type === 'rejections' ? event.origin : event.id}`,
      );
  }

  get reasons(): readonly string[] {
    return this.source.conditions().map(({ reason }) => reason);
  }
}
