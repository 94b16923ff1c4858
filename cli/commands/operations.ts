import { Option, type Command } from 'commander';
import { all } from '../pages.ts';
import { lines, timestamp, plain, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Operation {
  readonly operationId: string;
  readonly type: string;
  readonly state: string;
  readonly subject: string;
  readonly clusters: readonly string[];
  readonly appliedBy: readonly string[];
  readonly startedAt: string;
  readonly message: string;
}

const nodes = 'operationId type state subject clusters appliedBy startedAt finishedAt message';

export function operationsCommand(program: Command, world: World): void {
  program
    .command('operations')
    .description('work that clusters must apply and how far they are, newest first')
    .addOption(
      new Option('--state <state>', 'only operations in this state').choices(['RUNNING', 'DONE', 'FAILED']),
    )
    .addHelpText('after', '\nExample:\n  isthmus operations --state RUNNING')
    .action(async ({ state }: { state?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const operations = await all<Operation>(endpoint, {
        field: 'operations',
        nodes,
        arguments: { state: { type: 'OperationState', value: state } },
      });
      show(operations, () =>
        operations.length === 0
          ? 'there is no such operation'
          : lines(tableOf(operations), ...operations.map(waitingText)),
      );
    });
}

const tableOf = (operations: readonly Operation[]): string =>
  table(
    ['operation', 'type', 'state', 'applied', 'started', 'subject'],
    operations.map((one) => [
      ...[one.operationId.slice(0, 8), one.type, one.state],
      ...[`${one.appliedBy.length}/${one.clusters.length}`, timestamp(one.startedAt), one.subject],
    ]),
  );

const waitingText = ({ operationId, state, message }: Operation): string | undefined =>
  state === 'DONE' || message === '' ? undefined : plain(`${operationId.slice(0, 8)} ${state}: ${message}`);
