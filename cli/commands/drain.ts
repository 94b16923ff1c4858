import { Option, type Command } from 'commander';
import { futureTime, wholeNumber } from '../arguments.ts';
import {
  changeWithConsent,
  mutation,
  operationFields,
  changeText,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { lines } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';
import { drainListCommand } from './drain-list.ts';

const drainCluster = mutation('drainCluster', 'DrainClusterInput', `noAlternative ${operationFields}`);
const undrainCluster = mutation('undrainCluster', 'ClusterInput', operationFields);

interface DrainOptions extends ChangeOptions {
  readonly percent: number;
  readonly scope: 'ALL' | 'REMOTE';
  readonly deadline?: string;
}

export function drainCommands(program: Command, world: World): void {
  drainCommand(program, world);
  withConsentFlags(
    program.command('undrain').description('let new connections return to a cluster').argument('<cluster>'),
  )
    .addHelpText('after', '\nExample:\n  isthmus undrain west')
    .action(async (cluster: string, options: ChangeOptions, command: Command) => {
      const at = invocation(command, world);
      const what = `let new connections return to ${cluster}`;
      const result = await changeWithConsent<Payload>(at, what, undrainCluster, { cluster }, options);
      at.show(result, () =>
        changeText(
          { todo: what, done: `${cluster} takes new connections again`, object: cluster },
          result,
          options,
        ),
      );
    });
}

function drainCommand(program: Command, world: World): void {
  const drain = program
    .command('drain')
    .description('drains: new connections move away from a cluster')
    .addHelpText(
      'after',
      '\nisthmus drain <cluster> is isthmus drain start <cluster>.\n\nExamples:\n  isthmus drain west --percent 30 --dry-run\n  isthmus drain list',
    );
  drainListCommand(drain, world);
  withConsentFlags(
    drain
      .command('start', { isDefault: true })
      .description('move new connections away from a cluster')
      .argument('<cluster>'),
  )
    .option('--percent <n>', 'of new connections, 1 to 100', wholeNumber(1, 100), 100)
    .addOption(
      new Option('--scope <scope>', 'whose connections: all clients’, or only those of other clusters')
        .choices(['ALL', 'REMOTE'])
        .default('ALL'),
    )
    .option(
      '--deadline <time>',
      'when connections that are still open end, with 100 %, e.g. 30m or 2030-01-31T03:00:00Z; none: they stay',
      futureTime(world.now),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus drain start west --percent 30 --dry-run\n  isthmus drain start west --deadline 30m --reason "kernel upgrade"',
    )
    .action(async (cluster: string, options: DrainOptions, command: Command) => {
      const at = invocation(command, world);
      const { percent, scope, deadline } = options;
      const input = { cluster, percent, scope, deadline };
      const what = `drain ${cluster} by ${percent}%`;
      const result = await changeWithConsent<Payload>(at, what, drainCluster, input, options);
      at.show(result, () =>
        lines(
          changeText(
            { todo: what, done: `${cluster} drained by ${percent}%`, object: `the drain of ${cluster}` },
            result,
            options,
          ),
          options.dryRun
            ? `to preview where connections would go: isthmus failover simulate --from-cluster ${cluster} --percent ${percent} --scope ${scope}`
            : `undo with: isthmus undrain ${cluster}`,
        ),
      );
    });
}
