import type { Command } from 'commander';
import {
  changeWithConsent,
  mutation,
  operationFields,
  told,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { lines, moment } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';
import { simulateCommand } from './simulate.ts';

const layer =
  'failover { failoverId owner reason cluster region services percent scope createdAt expiresAt }';
const executeFailover = mutation('executeFailover', 'ExecuteFailoverInput', `${layer} ${operationFields}`);
const undoFailover = mutation('undoFailover', 'UndoFailoverInput', operationFields);

interface Executed extends Payload {
  readonly failover: { readonly failoverId: string; readonly expiresAt: string | null } | null;
}

/** Looking at a failover, doing it, taking it back. */
export function failoverCommands(program: Command, world: World): void {
  const failover = program
    .command('failover')
    .description('move services to other clusters, having looked first');
  simulateCommand(failover, world);
  executeCommand(failover, world);
  withConsentFlags(
    failover
      .command('undo')
      .description('take a failover back')
      .argument('<failover>', 'the id that execute printed'),
  )
    .addHelpText('after', '\nExample:\n  isthmus failover undo 4f1c… --reason "east is well again"')
    .action(async (id: string, options: ChangeOptions, command: Command) => {
      const at = invocation(command, world);
      const what = `undo failover ${id}`;
      const result = await changeWithConsent<Payload>(at, what, undoFailover, { id }, options);
      at.show(result, () => told(`failover ${id} is being taken back`, result, options));
    });
}

function executeCommand(failover: Command, world: World): void {
  withConsentFlags(
    failover
      .command('execute')
      .description('carry out a plan that was simulated, if nothing that it rests on has changed')
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

/** The id of a dry run is of a failover that there is not. */
function executed(planId: string, result: Executed, options: ChangeOptions): string {
  if (options.dryRun || !result.failover) return told(`plan ${planId} executed`, result, options);
  const { failoverId, expiresAt } = result.failover;
  const end = expiresAt === null ? '' : `, until ${moment(expiresAt)}`;
  return lines(
    told(`failover ${failoverId} executed${end}`, result, options),
    `undo with: isthmus failover undo ${failoverId}`,
  );
}
