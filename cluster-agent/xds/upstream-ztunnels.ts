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
