/** One link: the addresses that it tries in turn, host:port. */
export interface Target {
  readonly endpoints: readonly string[];
}

/**
 * The links that an agent holds to the replicas of its hub: `want` of them, and no more than there are addresses. No two
 * share an address, as a hub takes one link of a cluster.
 */
export function targets(endpoints: readonly string[], want: number): readonly Target[] {
  const count = Math.max(1, Math.min(want, endpoints.length));
  return Array.from({ length: count }, (_, link) => ({
    endpoints: endpoints.filter((_endpoint, i) => i % count === link),
  }));
}

/** What decides from which link the hub's view is taken. */
export interface LinkState {
  /** The view is taken from it now. */
  readonly isSource: boolean;
  /** A message has come on the connection that is open now. */
  readonly heard: boolean;
  /** Everything has been sent on it. */
  readonly synced: boolean;
  /** The highest that was seen on it; 0: none yet, as of a link from which no view was taken. */
  readonly epoch: bigint;
}

/**
 * The index of the link from which the hub's view is taken: one that is synced, or else one that is heard, with the
 * highest epoch; of several the one that is the source already, and then the first.
 */
export function viewSource(links: readonly LinkState[]): number {
  const ranks = links.map(({ synced, heard, epoch, isSource }) => [
    Number(synced),
    Number(heard),
    epoch,
    Number(isSource),
  ]);
  return ranks.reduce((best, rank, i) => (isAbove(rank, ranks[best] ?? []) ? i : best), 0);
}

function isAbove(one: readonly (number | bigint)[], other: readonly (number | bigint)[]): boolean {
  const i = one.findIndex((value, at) => value !== other[at]);
  return i >= 0 && (one[i] ?? 0) > (other[i] ?? 0);
}
