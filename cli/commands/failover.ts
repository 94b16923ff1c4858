import type { Command } from 'commander';
import { ask, mutate, type Payload } from '../api.ts';
import { confirm } from '../confirm.ts';
import { CliError, statusOf } from '../exit.ts';
import { show, table } from '../print.ts';
import { commonInput, invocation, serviceRef, withMutationFlags, type MutationOptions } from '../run.ts';

interface Plan {
  readonly planId: string | null;
  readonly services: readonly {
    namespace: string;
    name: string;
    noAlternative: boolean;
    moves: readonly { client: string; from: string; to: string; percent: number }[];
  }[];
  readonly userErrors: readonly { code: string; message: string }[];
}

interface SimulateOptions {
  readonly fromCluster?: string;
  readonly fromRegion?: string;
  readonly services?: string;
  readonly percent: string;
}

const fields = 'warnings revision userErrors { code field message }';

function planText({ planId, services }: Plan): string {
  const rows = services.flatMap(({ namespace, name, moves, noAlternative }) => {
    const service = `${namespace}/${name}`;
    if (moves.length === 0)
      return [[service, '', noAlternative ? 'stays: no alternative' : 'no change', '', '']];
    return moves.map(({ client, from, to, percent }) => [service, client, from, to, `${percent}%`]);
  });
  return `${table(['service', 'clients in', 'from', 'to', 'share'], rows)}\n\nexecute with: isthmus failover execute ${planId ?? ''}`;
}

/** Looking at a failover, doing it, taking it back. */
export function failoverCommands(program: Command): void {
  const failover = program
    .command('failover')
    .description('move services to other clusters, having looked first');
  failover
    .command('simulate')
    .description('what would go where; nothing is changed')
    .option('--from-cluster <name>', 'the cluster to leave')
    .option('--from-region <name>', 'the region to leave')
    .option('--services <list>', 'namespace/name, comma-separated; every exported service when left out')
    .option('--percent <n>', '1 to 100', '100')
    .addHelpText('after', '\nExample:\n  isthmus failover simulate --from-cluster east')
    .action(async (options: SimulateOptions, command: Command) => {
      const { endpoint, output } = invocation(command);
      const from =
        options.fromCluster === undefined
          ? { region: options.fromRegion ?? '' }
          : { cluster: options.fromCluster };
      const query =
        'query($input: SimulateFailoverInput!) { simulateFailover(input: $input) { planId keptUntil services { namespace name noAlternative moves { client from to percent } } userErrors { code message } } }';
      const input = {
        from,
        services: options.services?.split(',').map(serviceRef),
        percent: Number(options.percent),
      };
      const { simulateFailover: plan } = await ask<{ simulateFailover: Plan }>(endpoint, query, { input });
      const [first] = plan.userErrors;
      if (first) throw new CliError(statusOf(first.code), `${first.code}: ${first.message}`);
      show(output, plan, () => planText(plan));
    });
  withMutationFlags(
    failover.command('execute').description('carry out a plan that was simulated').argument('<plan>'),
  )
    .option('--yes', 'do not ask')
    .action(async (planId: string, options: MutationOptions, command: Command) => {
      const { endpoint, output } = invocation(command);
      if (!options.dryRun) await confirm(`execute plan ${planId}`, options.yes);
      const query = `mutation($input: ExecuteFailoverInput!) { result: executeFailover(input: $input) { failover { failoverId } operation { operationId state } ${fields} } }`;
      const result = await mutate<Payload & { failover: { failoverId: string } | null }>(endpoint, query, {
        planId,
        ...commonInput(options),
      });
      const id = result.failover?.failoverId ?? '';
      show(output, result, () =>
        [`failover ${id} is in force`, ...result.warnings, `undo with: isthmus failover undo ${id}`].join(
          '\n',
        ),
      );
    });
  withMutationFlags(failover.command('undo').description('take a failover back').argument('<failover>'))
    .option('--yes', 'do not ask')
    .action(async (id: string, options: MutationOptions, command: Command) => {
      const { endpoint, output } = invocation(command);
      if (!options.dryRun) await confirm(`undo failover ${id}`, options.yes);
      const query = `mutation($input: UndoFailoverInput!) { result: undoFailover(input: $input) { operation { operationId state } ${fields} } }`;
      const result = await mutate<Payload>(endpoint, query, { id, ...commonInput(options) });
      show(output, result, () => `failover ${id} is undone`);
    });
}
