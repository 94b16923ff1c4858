/** As it is written down: a proxy's id to the uids of pods that it has proven to serve. */
export interface SavedProven {
  readonly proxies: readonly (readonly [proxy: string, pods: readonly string[]])[];
}

/** Which proxy last proved that it serves a pod: what holds while its stream is lost, and over a restart of the agent. */
export class ProvenProxies {
  #byPod: ReadonlyMap<string, string>;

  constructor(saved: SavedProven | undefined) {
    this.#byPod = new Map(
      (saved?.proxies ?? []).flatMap(([proxy, pods]) => pods.map((pod) => [pod, proxy] as const)),
    );
  }

  /** By the pod's uid. */
  of(pod: string): string | undefined {
    return this.#byPod.get(pod);
  }

  proxies(): ReadonlySet<string> {
    return new Set(this.#byPod.values());
  }

  /** True when it is news. */
  replace(next: ReadonlyMap<string, string>): boolean {
    const before = this.#byPod;
    this.#byPod = next;
    return before.size !== next.size || [...next].some(([pod, proxy]) => before.get(pod) !== proxy);
  }

  saved(): SavedProven {
    const byProxy = new Map<string, string[]>();
    for (const [pod, proxy] of this.#byPod) {
      const pods = byProxy.get(proxy) ?? [];
      pods.push(pod);
      byProxy.set(proxy, pods);
    }
    return { proxies: [...byProxy] };
  }
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

export const isProven = (value: unknown): value is SavedProven => {
  const proxies =
    typeof value === 'object' && value !== null && 'proxies' in value ? value.proxies : undefined;
  return (
    Array.isArray(proxies) &&
    proxies.every(
      (one: unknown) =>
        Array.isArray(one) && one.length === 2 && typeof one[0] === 'string' && isTexts(one[1]),
    )
  );
};
