import { Option, type Command } from 'commander';
import { ask } from '../api.ts';
import { futureTime, serviceRefs, wholeNumber, type ServiceRef } from '../arguments.ts';
import { CliError, exit, statusOf } from '../exit.ts';
import { lines, timestamp, plain, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Plan {
  readonly planId: string | null;
  readonly keptUntil: string | null;
  readonly services: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly noAlternative: boolean;
    readonly moves: readonly {
      readonly client: string;
      readonly from: string;
      readonly to: string;
      readonly percent: number;
    }[];
  }[];
  readonly warnings: readonly { readonly message: string }[];
  readonly userErrors: readonly { readonly code: string; readonly message: string }[];
}

interface SimulateOptions {
  readonly fromCluster?: string;
  readonly fromRegion?: string;
  readonly services?: readonly ServiceRef[];
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly expires?: string;
}

const query = `query($input: SimulateFailoverInput!) { simulateFailover(input: $input) {
  planId keptUntil clusters unreachable warnings { code field message } noAlternative { namespace name }
  services { namespace name noAlternative moves { client from to percent } } userErrors { code field message } } }`;

export function simulateCommand(failover: Command, world: World): void {
  failover
    .command('simulate')
    .description('preview which connections would move, and create a plan; nothing is changed')
    .addOption(new Option('--from-cluster <name>', 'the cluster to leave').conflicts('fromRegion'))
    .option('--from-region <name>', 'the region to leave')
    .option(
      '--services <list>',
      'namespace/name, comma-separated; every exported one when left out',
      serviceRefs,
    )
    .option('--percent <n>', 'of new connections, 1 to 100', wholeNumber(1, 100), 100)
    .addOption(
      new Option('--scope <scope>', 'whose connections: all clients’, or only those of other clusters')
        .choices(['ALL', 'REMOTE'])
        .default('ALL'),
    )
    .option(
      '--expires <time>',
      'when the failover takes itself back, e.g. 2h or 2030-01-31T03:00:00Z',
      futureTime(world.now),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus failover simulate --from-cluster east\n  isthmus failover simulate --from-region region-a --services shop/cart --percent 50 --expires 2h',
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const { services, percent, scope, expires } = options;
      const input = { from: placeToLeave(options), services, percent, scope, expiresAt: expires };
      const { endpoint, show } = invocation(command, world);
      const { simulateFailover: plan } = await ask<{ simulateFailover: Plan }>(endpoint, query, { input });
      const [first] = plan.userErrors;
      if (first)
        throw new CliError(
          statusOf(first.code),
          plan.userErrors.map(({ code, message }) => plain(`${code}: ${message}`)).join('\n'),
        );
      show(plan, () => planText(plan));
    });
}

function placeToLeave({ fromCluster, fromRegion }: SimulateOptions): object {
  if (fromCluster !== undefined) return { cluster: fromCluster };
  if (fromRegion !== undefined) return { region: fromRegion };
  throw new CliError(exit.usage, '--from-cluster or --from-region is required');
}

function planText({ planId, keptUntil, services, warnings }: Plan): string {
  const rows = services.flatMap(({ namespace, name, moves, noAlternative }) => {
    const service = `${namespace}/${name}`;
    if (moves.length === 0)
      return [[service, '', noAlternative ? 'stays: no alternative' : 'no change', '', '']];
    return moves.map(({ client, from, to, percent }) => [service, client, from, to, `${percent}%`]);
  });
  return lines(
    table(['service', 'clients in', 'from', 'to', 'share'], rows),
    rows.length === 0 ? 'nothing would move' : undefined,
    warnings.length === 0
      ? undefined
      : `\n${warnings.map(({ message }) => `warning: ${plain(message)}`).join('\n')}`,
    `\nexecute with: isthmus failover execute ${plain(planId ?? '')}`,
    keptUntil === null
      ? undefined
      : `the plan expires at ${timestamp(keptUntil)}, or when intent or health that it was made from changes`,
  );
}
