import type { Command } from 'commander';
import {
  changeWithConsent,
  mutation,
  operationFields,
  changeText,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { CliError, exit } from '../exit.ts';
import { lines, timestamp } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';
import { failoverListCommand, theFailover } from './failover-list.ts';
import { simulateCommand } from './simulate.ts';

const layer =
  'failover { failoverId owner reason cluster region services percent scope createdAt expiresAt }';
const executeFailover = mutation('executeFailover', 'ExecuteFailoverInput', `${layer} ${operationFields}`);
const undoFailover = mutation('undoFailover', 'UndoFailoverInput', operationFields);

interface Executed extends Payload {
  readonly failover: { readonly failoverId: string; readonly expiresAt: string | null } | null;
}

interface UndoOptions extends ChangeOptions {
  readonly cluster?: string;
}

/** The commands that list, simulate, execute and undo failovers. */
export function failoverCommands(program: Command, world: World): void {
  const failover = program
    .command('failover')
    .description('move services to other clusters: simulate, then execute');
  failoverListCommand(failover, world);
  simulateCommand(failover, world);
  executeCommand(failover, world);
  withConsentFlags(
    failover
      .command('undo')
      .description('end a failover: its connections return step by step')
      .argument('[failover]', 'an id of failover list; not needed when only one is in force'),
  )
    .option('--cluster <name>', 'the failover that leaves this cluster, instead of an id')
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus failover undo\n  isthmus failover undo --cluster east --reason "east is well again"',
    )
    .action(async (given: string | undefined, options: UndoOptions, command: Command) => {
      const at = invocation(command, world);
      if (given !== undefined && options.cluster !== undefined)
        throw new CliError(exit.usage, 'give either the id of a failover or --cluster');
      const id = given ?? (await theFailover(at.endpoint, options.cluster));
      const what = `undo failover ${id}`;
      const result = await changeWithConsent<Payload>(at, what, undoFailover, { id }, options);
      at.show(result, () =>
        changeText(
          { todo: what, done: `failover ${id} is being undone`, object: `failover ${id}` },
          result,
          options,
        ),
      );
    });
}

function executeCommand(failover: Command, world: World): void {
  withConsentFlags(
    failover
      .command('execute')
      .description('execute a simulated plan, unless intent or health changed since')
      .argument('<plan>', 'the id that simulate printed'),
  )
    .addHelpText('after', '\nExample:\n  isthmus failover execute 9a0b… --reason "east loses packets"')
    .action(async (planId: string, options: ChangeOptions, command: Command) => {
      const at = invocation(command, world);
      const what = `execute plan ${planId}`;
      const result = await changeWithConsent<Executed>(at, what, executeFailover, { planId }, options);
      at.show(result, () => executed(planId, result, options));
    });
}

/** A dry run returns the id of a failover that does not exist. */
function executed(planId: string, result: Executed, options: ChangeOptions): string {
  const texts = { todo: `execute plan ${planId}`, done: `plan ${planId} executed`, object: `plan ${planId}` };
  if (options.dryRun || !result.failover) return changeText(texts, result, options);
  const { failoverId, expiresAt } = result.failover;
  const end = expiresAt === null ? '' : `, until ${timestamp(expiresAt)}`;
  return lines(
    changeText({ ...texts, done: `failover ${failoverId} executed${end}` }, result, options),
    `undo with: isthmus failover undo ${failoverId}`,
  );
}
