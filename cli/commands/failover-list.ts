import type { Command } from 'commander';
import type { Endpoint } from '../endpoint.ts';
import { CliError, exit } from '../exit.ts';
import { all } from '../pages.ts';
import { lines, timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Failover {
  readonly failoverId: string;
  readonly clusters: readonly string[];
  readonly services: readonly string[];
  readonly percent: number;
  readonly percentLeft: number | null;
  readonly scope: string;
  readonly owner: string;
  readonly reason: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revision: number;
}

const nodes =
  'failoverId cluster region clusters services percent percentLeft scope owner reason createdAt expiresAt revision';

const inForce = (endpoint: Endpoint, cluster: string | undefined): Promise<readonly Failover[]> =>
  all<Failover>(endpoint, {
    field: 'failovers',
    nodes,
    arguments: { cluster: { type: 'String', value: cluster } },
  });

export function failoverListCommand(failover: Command, world: World): void {
  failover
    .command('list')
    .description('failovers that are in force, newest first')
    .option('--cluster <name>', 'only those that leave this cluster')
    .addHelpText('after', '\nExample:\n  isthmus failover list --cluster east')
    .action(async ({ cluster }: { cluster?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const failovers = await inForce(endpoint, cluster);
      show(failovers, () =>
        failovers.length === 0
          ? 'no failover is in force'
          : lines(tableOf(failovers), '\nend one with: isthmus failover undo [id]'),
      );
    });
}

const tableOf = (failovers: readonly Failover[]): string =>
  table(
    ['failover', 'from', 'services', 'share', 'by', 'since', 'until', 'revision', 'reason'],
    failovers.map((one) => [
      one.failoverId,
      one.clusters.join(' '),
      one.services.length <= 2 ? one.services.join(' ') : `${one.services.length} services`,
      shareOf(one),
      one.owner,
      timestamp(one.createdAt),
      one.expiresAt === null ? '-' : timestamp(one.expiresAt),
      one.revision,
      one.reason,
    ]),
  );

const shareOf = ({ percent, scope, percentLeft }: Failover): string =>
  `${percent}%${scope === 'ALL' ? '' : ` ${scope}`}${percentLeft === null ? '' : ` (${percentLeft}% to return)`}`;

/** The one failover that can be meant when no id is given: of a cluster, or the only one that is in force. */
export async function theFailover(endpoint: Endpoint, cluster: string | undefined): Promise<string> {
  const candidates = (await inForce(endpoint, cluster)).filter(({ percentLeft }) => percentLeft === null);
  const [first, ...more] = candidates;
  const where = cluster === undefined ? '' : ` that leaves ${cluster}`;
  if (!first) throw new CliError(exit.notFound, `no failover${where} is in force: isthmus failover list`);
  if (more.length > 0)
    throw new CliError(
      exit.usage,
      `${candidates.length} failovers${where} are in force: name one of ${candidates.map(({ failoverId }) => failoverId).join(', ')}`,
    );
  return first.failoverId;
}
