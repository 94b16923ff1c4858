import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { isProvenBy } from '../../../health/judge.ts';
import type { Health } from '../../../health/tracker.ts';
import { serviceKeyOf } from '../../../keys/names.ts';
import type { ClusterView } from '../../../view/cluster-view.ts';
import { modeOf } from '../../../view/mode.ts';
import { nodeProxyOf } from '../../../view/node-proxy.ts';
import type { Allocations } from '../allocations.ts';
import type { ProjectedTokens } from '../tokens.ts';
import { environmentOf, type FoundService, type PodFiles } from './pod-files.ts';

interface Deps {
  readonly files: PodFiles;
  readonly view: ClusterView;
  /** Services of other clusters that this one may use. */
  readonly remotes: () => Iterable<RemoteService>;
  readonly health: () => Pick<Health, 'of'>;
  readonly tokens: ProjectedTokens;
  readonly allocations: Allocations;
  readonly clock: Clock;
  readonly log: Log;
}

const tokenSeconds = 12 * 3600;
/** A token is written anew at half of its life. */
const renewMillis = (tokenSeconds / 2) * 1000;

interface Written {
  readonly environment: string;
  /** Whom the token is for, as text. */
  readonly caller: string;
  readonly tokenAt: number;
}

const nothing: Written = { environment: '', caller: '', tokenAt: -Infinity };

/** Gives each pod of a files cluster what its processes start with, follows its changes, and renews its token. */
export class PodStarter {
  readonly #deps: Deps;
  /** By `<namespace>/<name>`; those with `nothing` have files of an earlier start. */
  readonly #written = new Map<string, Written>();
  #writing = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    for (const pod of deps.files.pods()) this.#written.set(pod, nothing);
  }

  /** Brings files up to date; a pod whose files cannot be written is tried again, and holds up no other. */
  async write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const { view, files, log } = this.#deps;
    const pods = new Map(
      [...view.pods()]
        .filter(({ podIP }) => podIP !== '')
        .map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod]),
    );
    for (const key of new Set([...this.#written.keys(), ...pods.keys()]))
      try {
        const pod = pods.get(key);
        if (pod) await this.#writeOne(key, pod);
        else {
          files.remove(key);
          this.#written.delete(key);
        }
      } catch (error) {
        log.error(
          { pod: key, error: String(error) },
          'files of a pod are not written; it will be tried again',
        );
      }
    this.#writing = false;
  }

  async #writeOne(key: string, pod: PodObject): Promise<void> {
    const { tokens, files, clock } = this.#deps;
    const { namespace, name, uid } = pod.metadata;
    const caller = { namespace, serviceAccount: pod.serviceAccount, pod: { name, uid }, node: pod.nodeName };
    const text = JSON.stringify(caller);
    let written = this.#written.get(key) ?? nothing;
    // A token without a node is refused everywhere; the pod is reported for it.
    if (pod.nodeName !== '' && (written.caller !== text || written.tokenAt + renewMillis <= clock.now())) {
      files.writeToken(key, await tokens.issue(caller, tokenSeconds));
      written = { ...written, caller: text, tokenAt: clock.now() };
    }
    const environment = environmentOf(pod, this.#servicesFor(pod));
    if (written.environment !== environment) files.writeEnvironment(key, environment);
    this.#written.set(key, { ...written, environment });
  }

  /** Services of the pod's own namespace, with their addresses at the proxy that serves it; none where none does. */
  #servicesFor(pod: PodObject): readonly FoundService[] {
    const { view, allocations, remotes } = this.#deps;
    const proxy = this.#proxyOf(pod);
    if (proxy === undefined) return [];
    const { namespace } = pod.metadata;
    const local = [...view.servicesIn(namespace)];
    const known = new Set(local.map(({ metadata }) => metadata.name));
    const elsewhere = new Map(
      [...remotes()]
        .filter((one) => one.namespace === namespace && !known.has(one.name))
        .map((one) => [one.name, one.ports] as const),
    );
    const found = [
      ...local
        .filter(({ type, headless }) => type !== 'ExternalName' && !headless)
        .map(({ metadata, ports }) => ({ name: metadata.name, ports })),
      ...[...elsewhere].map(([name, ports]) => ({ name, ports })),
    ];
    return found.flatMap(({ name, ports }) => {
      const address = allocations.vip(proxy, serviceKeyOf({ namespace, name }));
      return address.ok ? [{ name, ports, address: address.value }] : [];
    });
  }

  #proxyOf(pod: PodObject): string | undefined {
    const { view, health } = this.#deps;
    const proxy = {
      SIDECAR: () => pod,
      AMBIENT: () => nodeProxyOf(view, pod.nodeName, (one) => isProvenBy(health().of(pod), one)),
      NONE: () => undefined,
    };
    const serving = proxy[modeOf(view, pod)]();
    return serving && `${serving.metadata.namespace}/${serving.metadata.name}`;
  }
}
