import type { Command } from 'commander';
import { all } from '../pages.ts';
import { table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly mode: string;
  readonly ready: boolean;
  readonly addresses: readonly string[];
  readonly spiffeId: string;
  readonly health: {
    readonly healthy: boolean;
    readonly reason: string;
    readonly message: string;
    readonly stale: boolean;
  } | null;
}

const nodes =
  'namespace name uid cluster node mode ready addresses spiffeId services policies deniesByDefault health { healthy reason message remedy stale }';

export function workloadsCommand(program: Command, world: World): void {
  program
    .command('workloads')
    .description('list the workloads of a cluster, as its agent sees them now')
    .argument('<cluster>')
    .option('-n, --namespace <name>', 'only those of a namespace')
    .addHelpText('after', '\nExample:\n  isthmus workloads east --namespace shop')
    .action(async (cluster: string, { namespace }: { namespace?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const workloads = await all<Workload>(endpoint, {
        field: 'workloads',
        nodes,
        arguments: {
          cluster: { type: 'String!', value: cluster },
          namespace: { type: 'String', value: namespace },
        },
      });
      show(workloads, () =>
        workloads.length === 0 ? `${cluster} has no such workloads` : tableOf(workloads),
      );
    });
}

const tableOf = (workloads: readonly Workload[]): string =>
  table(
    ['workload', 'node', 'mode', 'ready', 'health', 'address', 'identity', 'why'],
    workloads.map((one) => [
      ...[`${one.namespace}/${one.name}`, one.node, one.mode, one.ready ? 'yes' : 'no', healthOf(one)],
      ...[one.addresses.join(' '), one.spiffeId, one.health?.message ?? ''],
    ]),
  );

/** Healthy, or the first thing on the way to it that has not proven that it works. */
function healthOf({ health }: Workload): string {
  if (!health) return 'unknown';
  return `${health.healthy && health.reason === '' ? 'healthy' : health.reason}${health.stale ? ' (stale)' : ''}`;
}
