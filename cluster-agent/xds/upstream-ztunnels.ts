import { podKey } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';
import type { Subscriber } from '../publish/delta.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { ProxyFollower } from './follower.ts';
import type { ProxyClient } from './proxy-client.ts';

/**
 * Which ztunnels are Istio's own, by `<namespace>/<pod>`: what they serve terminates HBONE alone. One that is away is
 * what it was last, as what it serves is still there.
 */
export class UpstreamZtunnels {
  readonly #pods = new Set<string>();

  /** True when it is news. */
  seen({ kind, key, version }: Pick<ProxyClient, 'kind' | 'key' | 'version'>): boolean {
    if (kind !== 'ztunnel') return false;
    if (version !== '') return this.#pods.delete(key);
    return this.#pods.size < this.#pods.add(key).size;
  }

  /** Forgets those whose pod is gone: it does not come back under its name. */
  keep(isThere: (key: string) => boolean): void {
    for (const key of this.#pods) if (!isThere(key)) this.#pods.delete(key);
  }

  get pods(): ReadonlySet<string> {
    return this.#pods;
  }
}

interface Following {
  readonly view: Pick<ClusterView, 'podNamed'>;
  readonly touch: (key: Touched) => void;
}

/** Notes which they are as streams open, and forgets those whose pod is gone once that is published. */
export const followUpstream = (
  known: UpstreamZtunnels,
  { view, touch }: Following,
): ProxyFollower & Subscriber => ({
  opened(client) {
    const { namespace, pod: name } = client;
    if (known.seen(client)) touch({ kind: 'upstream', pod: podKey({ namespace, name }) });
  },
  published: () => known.keep((key) => view.podNamed(key) !== undefined),
});
