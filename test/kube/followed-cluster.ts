import { KubernetesSource } from '@isthmus/cluster-agent/source/kubernetes/kubernetes-source.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { holds } from '../fakes/turns.ts';
import { resourceOf } from '../cluster-agent/source/kubernetes/source-world.ts';
import { hurriedClock } from './hurried-clock.ts';

const hurried = hurriedClock(20);

/** A view that follows a real API server. */
export class FollowedCluster {
  readonly view = new ClusterView();
  readonly events: SourceEvent[] = [];
  readonly source: KubernetesSource;
  readonly #end = new AbortController();
  readonly #run: Promise<void>;

  constructor(server: Pick<ApiServer, 'list' | 'watch'>) {
    this.source = new KubernetesSource({
      server,
      clock: hurried,
      random: systemRandom,
      turn: setImmediate,
    });
    this.#run = this.source.run((batch) => {
      this.events.push(...batch);
      this.view.apply(batch);
    }, this.#end.signal);
  }

  synced(): Promise<void> {
    return holds(() => this.view.synced);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#run;
  }
}

/** The resource of a kind in a version that the server has. */
export async function servedAs(server: ApiServer, kind: string): Promise<Resource> {
  const resource = resourceOf(kind);
  const older = watched.find((one) => one.resource.kind === kind)?.olderVersions ?? [];
  for (const version of [resource.version, ...older]) {
    const served = { ...resource, version };
    if (
      await server.list(served, { limit: '1' }).then(
        () => true,
        () => false,
      )
    )
      return served;
  }
  throw new Error(`the API server has no ${kind}`);
}
