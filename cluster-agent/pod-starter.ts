import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ProjectedTokens } from './ca/tokens.ts';
import type { Allocations } from './source/files/allocations.ts';
import { writePodFiles } from './source/files/pod-files.ts';
import { serviceKeyOf } from './translate/input.ts';
import type { ClusterView } from './view/cluster-view.ts';
import { modeOf } from './view/mode.ts';

interface Deps {
  readonly stateDir: string;
  readonly view: ClusterView;
  readonly tokens: ProjectedTokens;
  readonly allocations: Allocations;
  readonly clock: Clock;
  readonly log: Log;
}

const tokenSeconds = 12 * 3600;
/** A token is written anew at half of its life. */
const renewMillis = (tokenSeconds / 2) * 1000;

/** Gives each pod of a files cluster what its processes start with, and renews its token. */
export class PodStarter {
  readonly #deps: Deps;
  readonly #written = new Map<string, number>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async write(): Promise<void> {
    const { view, clock } = this.#deps;
    for (const pod of view.pods()) {
      const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
      if ((this.#written.get(key) ?? -Infinity) + renewMillis > clock.now()) continue;
      this.#written.set(key, clock.now());
      await this.#writeOne(pod);
    }
  }

  async #writeOne(pod: PodObject): Promise<void> {
    const { stateDir, tokens } = this.#deps;
    const { namespace, name, uid } = pod.metadata;
    const caller = { namespace, serviceAccount: pod.serviceAccount, pod: { name, uid }, node: pod.nodeName };
    writePodFiles(
      stateDir,
      { pod, services: this.#servicesFor(pod) },
      await tokens.issue(caller, tokenSeconds),
    );
  }

  /** The addresses of services at the proxy that serves this pod; none where no proxy does. */
  #servicesFor(pod: PodObject) {
    const { view, allocations } = this.#deps;
    const proxy = this.#proxyOf(pod);
    if (proxy === undefined) return [];
    return view.all('Service').map((service) => ({
      service,
      address: allocations.get('vips', `${proxy}|${serviceKeyOf(service.metadata)}`),
    }));
  }

  #proxyOf(pod: PodObject): string | undefined {
    const { view } = this.#deps;
    const { namespace, name } = pod.metadata;
    switch (modeOf(view, pod)) {
      case 'SIDECAR':
        return `${namespace}/${name}`;
      case 'AMBIENT': {
        const ztunnel = view
          .pods()
          .find(
            (one) =>
              one.nodeName === pod.nodeName &&
              one.metadata.namespace === 'istio-system' &&
              one.serviceAccount === 'ztunnel',
          );
        return ztunnel && `${ztunnel.metadata.namespace}/${ztunnel.metadata.name}`;
      }
      case 'NONE':
        return undefined;
    }
  }
}
