/** How large the worlds are that are measured: those that the goals are meant for, times `--scale`. */
export interface Sizes {
  readonly pods: number;
  readonly services: number;
  /** Proxies of the agent, one a node. */
  readonly clients: number;
  readonly remoteServices: number;
  readonly clusters: number;
  readonly clusterServices: number;
  /** Agents of the rows for many of them, with `manyServices` services each. */
  readonly many: number;
  readonly manyServices: number;
  readonly coreClusters: number;
  readonly coreServices: number;
  readonly workloads: number;
  readonly proxyServices: number;
  readonly connections: number;
  /** How many changes of a kind are timed. */
  readonly changes: number;
}

export const wholeSizes: Sizes = {
  pods: 10_000,
  services: 1_000,
  clients: 50,
  remoteServices: 5_000,
  clusters: 250,
  clusterServices: 20,
  many: 1_000,
  manyServices: 20,
  coreClusters: 2_000,
  coreServices: 50,
  workloads: 10_000,
  proxyServices: 1_000,
  connections: 20_000,
  changes: 30,
};

export const allSizes = Object.keys(wholeSizes) as readonly (keyof Sizes)[];

/** The least at which a row still measures what it says. */
const least: Omit<Sizes, 'changes'> = {
  pods: 20,
  services: 2,
  clients: 2,
  remoteServices: 5,
  clusters: 3,
  clusterServices: 2,
  many: 4,
  manyServices: 2,
  coreClusters: 3,
  coreServices: 2,
  workloads: 20,
  proxyServices: 2,
  connections: 10,
};

/**
 * Every size times `scale`, in whole numbers, none below the least at which its rows have a meaning. The number of
 * changes is none: it is how often something is timed.
 */
export function scaled({ changes, ...sizes }: Sizes, scale: number): Sizes {
  const entries = (Object.keys(sizes) as (keyof typeof sizes)[]).map(
    (name) => [name, Math.max(least[name], Math.round(sizes[name] * scale))] as const,
  );
  return { ...(Object.fromEntries(entries) as Record<keyof typeof sizes, number>), changes };
}

/** `pods 100, clients 2`: those of the `used` sizes that differ from the whole ones; empty when none does. */
export const otherThanWhole = (sizes: Sizes, used: readonly (keyof Sizes)[] = allSizes): string =>
  used
    .filter((name) => sizes[name] !== wholeSizes[name])
    .map((name) => `${name} ${sizes[name]}`)
    .join(', ');
