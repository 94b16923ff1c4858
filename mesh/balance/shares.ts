/** Endpoints of one service in one place, reached in one way. */
export interface Group {
  readonly cluster: string;
  readonly region: string;
  readonly zone: string;
  readonly healthy: number;
}

/** A drain or a failover: `percent` of what would go to `cluster` goes elsewhere. */
export interface Diverted {
  readonly cluster: string;
  /** 0 to 100. */
  readonly percent: number;
  /** Clients of the cluster itself stay. */
  readonly remoteOnly: boolean;
}

export interface ShareQuestion<G extends Group> {
  readonly client: { readonly cluster: string; readonly region: string; readonly zone: string };
  readonly groups: readonly G[];
  /** What must match to be near, most important first; empty: all alike. */
  readonly localityOrder: readonly ('REGION' | 'ZONE' | 'CLUSTER')[];
  readonly regionFailover: readonly { readonly from: string; readonly to: string }[];
  readonly trafficShifts: readonly Diverted[];
}

export interface Shares<G extends Group> {
  /** Fractions of new connections; they sum to 1 unless nothing is healthy anywhere. */
  readonly byGroup: ReadonlyMap<G, number>;
  /** Clusters that should be left and stay, as they alone have the service. */
  readonly noAlternative: readonly string[];
}

/**
 * Where a client's new connections go: to the nearest rank by health, and the diverted share of each cluster to the
 * nearest rank of the others. Each cluster keeps exactly what is not diverted, so what is taken from one never lands
 * on another that is being left too, unless there is no other. The same function serves agents, which act on it, and
 * the hub, which simulates.
 */
export function shares<G extends Group>(question: ShareQuestion<G>): Shares<G> {
  const healthy = question.groups.filter((group) => group.healthy > 0);
  const byGroup = new Map<G, number>(question.groups.map((group) => [group, 0]));
  const noAlternative = new Set<string>();
  spread(nearest(healthy, question), 1, evenly, (group, part) => {
    const leaving = leavingFraction(group.cluster, question);
    const others = leaving > 0 ? alternatives(group.cluster, healthy, question) : [];
    if (leaving > 0 && others.length === 0) noAlternative.add(group.cluster);
    const moved = others.length > 0 ? leaving : 0;
    add(byGroup, group, part * (1 - moved));
    if (moved > 0)
      spread(nearest(others, question), part * moved, staying(question), (other, more) =>
        add(byGroup, other, more),
      );
  });
  return { byGroup, noAlternative: [...noAlternative] };
}

type Weight = (group: Group) => number;

const evenly: Weight = () => 1;

/** What a cluster that is being left in part may still take on. */
const staying =
  (question: ShareQuestion<Group>): Weight =>
  ({ cluster }) =>
    1 - leavingFraction(cluster, question);

/** Receivers of the shifted share: clusters that are not drained, otherwise those drained by less than 100 %. */
function alternatives<G extends Group>(
  cluster: string,
  healthy: readonly G[],
  question: ShareQuestion<G>,
): readonly G[] {
  const others = healthy.filter((one) => one.cluster !== cluster);
  const untouched = others.filter((one) => leavingFraction(one.cluster, question) === 0);
  return untouched.length > 0
    ? untouched
    : others.filter((one) => leavingFraction(one.cluster, question) < 1);
}

/** Whether nothing new of the client goes to a cluster: it is diverted whole, and others take what would go there. */
export function isLeft<G extends Group>(cluster: string, question: ShareQuestion<G>): boolean {
  const healthy = question.groups.filter((group) => group.healthy > 0);
  return leavingFraction(cluster, question) === 1 && alternatives(cluster, healthy, question).length > 0;
}

/** Several trafficShifts of one cluster do not add up: the largest holds. */
function leavingFraction(cluster: string, { trafficShifts, client }: ShareQuestion<Group>): number {
  const percents = trafficShifts
    .filter((one) => one.cluster === cluster && !(one.remoteOnly && client.cluster === cluster))
    .map(({ percent }) => Math.min(100, percent));
  return Math.max(0, ...percents) / 100;
}

function nearest<G extends Group>(groups: readonly G[], question: ShareQuestion<Group>): readonly G[] {
  const ranked = groups.map((group) => ({ group, rank: nearness(group, question) }));
  const best = Math.max(...ranked.map(({ rank }) => rank));
  return ranked.filter(({ rank }) => rank === best).map(({ group }) => group);
}

/** Matching leading scopes count most; among regions that do not match, the order of the failover list decides. */
function nearness(group: Group, { client, localityOrder, regionFailover }: ShareQuestion<Group>): number {
  if (localityOrder.length === 0) return 0;
  const same = {
    REGION: group.region === client.region,
    ZONE: group.zone === client.zone,
    CLUSTER: group.cluster === client.cluster,
  };
  const miss = localityOrder.findIndex((scope) => !same[scope]);
  const leading = miss < 0 ? localityOrder.length : miss;
  return leading * 1000 + preferenceOf(group.region, client.region, regionFailover);
}

function preferenceOf(region: string, from: string, list: ShareQuestion<Group>['regionFailover']): number {
  if (region === from) return 999;
  const index = list.filter((one) => one.from === from).findIndex(({ to }) => to === region);
  return index < 0 ? 0 : 998 - index;
}

function spread<G extends Group>(
  groups: readonly G[],
  whole: number,
  weight: Weight,
  give: (group: G, part: number) => void,
): void {
  const total = groups.reduce((sum, group) => sum + group.healthy * weight(group), 0);
  for (const group of groups) if (total > 0) give(group, (whole * group.healthy * weight(group)) / total);
}

const add = <G>(map: Map<G, number>, group: G, part: number): void => {
  map.set(group, (map.get(group) ?? 0) + part);
};

/** Capacity of one local endpoint wherever shares are expressed in capacities. */
const localCapacity = 1000;

/** Without anything left at home, capacities stand in proportion to this whole. */
const wholeWithoutLocal = 1_000_000;

export interface Capacities<G extends Group> {
  /** The cluster's own clients leave the local endpoints alone. */
  readonly withdrawLocal: boolean;
  /** Only groups with a share: what is left altogether is not an endpoint at all. */
  readonly remote: ReadonlyMap<G, number>;
}

/**
 * Shares as capacities of a weighted choice: local endpoints are fixed at 1,000 each, and a remote group gets what
 * stands to them as its share does. With no share left at home the local ones are withdrawn, and the remote ones
 * stand in proportion among themselves.
 */
export function capacities<G extends Group>(
  { byGroup }: Shares<G>,
  isLocal: (group: G) => boolean,
): Capacities<G> {
  const entries = [...byGroup];
  const local = entries.filter(([group]) => isLocal(group));
  const localShare = local.reduce((sum, [, share]) => sum + share, 0);
  const localUnits = local.reduce((sum, [group]) => sum + group.healthy * localCapacity, 0);
  const whole = localShare > 0 ? localUnits / localShare : wholeWithoutLocal;
  const remote = entries
    .filter(([group, share]) => !isLocal(group) && share > 0)
    .map(([group, share]): [G, number] => [group, Math.max(1, Math.round(share * whole))]);
  return { withdrawLocal: localUnits > 0 && localShare <= 0, remote: new Map(remote) };
}
