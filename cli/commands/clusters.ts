import type { Command } from 'commander';
import { all } from '../pages.ts';
import { asOf, timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Cluster {
  readonly name: string;
  readonly state: string;
  readonly drainPercent: number;
  readonly drainScope: string;
  readonly drainDeadline: string | null;
  readonly network: string;
  readonly nodes: readonly { readonly region: string }[];
  readonly replicas: readonly { readonly id: string; readonly role: string }[];
  readonly proxiesConnected: number;
  readonly revision: number;
  readonly staleness: { readonly asOf: string | null; readonly reachable: boolean };
  readonly conditions: readonly { readonly reason: string }[];
  readonly rejectionCounts: { readonly errors: number; readonly warnings: number };
}

const nodes = `name state admission drainPercent drainScope drainDeadline network admittedNetwork namespaces trustDomain agentVersion
  replicas { id role since agentVersion } proxiesConnected revision joinedAt clockSkewMillis link { connected unreachableSince } staleness { asOf reachable }
  nodes { name region zone } workloadsByMode { mode count }
  gateways { network address hbonePort passthroughPort spiffeId ready }
  conditions { type status reason severity object message remedy }
  rejectionCounts { errors warnings infos } rejections { code severity object field message file line }`;

export function clustersCommand(program: Command, world: World): void {
  program
    .command('clusters')
    .description('list the member clusters and their state')
    .addHelpText(
      'after',
      "\nExamples:\n  isthmus clusters\n  isthmus clusters --output json | jq '.[].conditions'",
    )
    .action(async (_options: object, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const clusters = await all<Cluster>(endpoint, { field: 'clusters', nodes });
      show(clusters, () =>
        clusters.length === 0
          ? 'no cluster has joined: isthmus token <cluster> makes a token for one'
          : tableOf(clusters),
      );
    });
}

const tableOf = (clusters: readonly Cluster[]): string =>
  table(
    [
      'cluster',
      'state',
      'drain',
      'network',
      'nodes',
      'replicas',
      'proxies',
      'rejected',
      'as of',
      'revision',
      'conditions',
    ],
    clusters.map((one) => [
      ...[
        one.name,
        one.state,
        drainOf(one),
        one.network,
        nodesOf(one),
        replicasOf(one),
        one.proxiesConnected,
        rejectedOf(one),
      ],
      ...[asOf(one.staleness), one.revision, one.conditions.map(({ reason }) => reason).join(' ')],
    ]),
  );

/** How many nodes its agent reports, and the regions in which they are. */
function nodesOf({ nodes: all }: Cluster): string {
  if (all.length === 0) return '-';
  const regions = [...new Set(all.map(({ region }) => region))].filter((region) => region !== '').sort();
  return regions.length === 0 ? `${all.length}` : `${all.length} in ${regions.join(', ')}`;
}

/** The replicas of its agent that are connected, the leader first. */
const replicasOf = ({ replicas }: Cluster): string => {
  const names = [...replicas].sort((a, b) => rank(a.role) - rank(b.role)).map(({ id }) => id);
  if (names.length === 0) return '-';
  return replicas.some(({ role }) => role === 'LEADER') ? names.join(' ') : `${names.join(' ')} (none leads)`;
};

const rank = (role: string): number => (role === 'LEADER' ? 0 : 1);

/** Kinds that are not used are no fault. */
const rejectedOf = ({ rejectionCounts: { errors, warnings } }: Cluster): number => errors + warnings;

function drainOf({ drainPercent, drainScope, drainDeadline }: Cluster): string {
  if (drainPercent === 0) return '-';
  const scope = drainScope === 'ALL' ? '' : ` ${drainScope}`;
  return `${drainPercent}%${scope}${drainDeadline === null ? '' : ` until ${timestamp(drainDeadline)}`}`;
}
