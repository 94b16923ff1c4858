import { Command, CommanderError } from 'commander';
import { clusterCommands, exportCommands, policyCommands } from './commands/change.ts';
import { failoverCommands } from './commands/failover.ts';
import { lookCommands } from './commands/look.ts';
import { sandboxCommands } from './commands/sandbox.ts';
import { CliError, exit } from './exit.ts';

const statuses = `
Exit status: 0 done, 1 failed, 2 usage, 3 unreachable, 4 not found, 5 conflict or stale, 6 denied.

Example:
  isthmus up
  isthmus clusters
  isthmus failover simulate --from-cluster east`;

/** The command line. It speaks only GraphQL to the hub. */
export function createProgram(): Command {
  const program = new Command('isthmus')
    .description('one mesh over many clusters')
    .version('0.1.0')
    .option('--instance <name>', 'which running sandbox, when there are several')
    .option('--endpoint <url>', 'a hub’s GraphQL URL (ISTHMUS_ENDPOINT)')
    .option('--token-file <file>', 'file with the token for --endpoint (else ISTHMUS_TOKEN)')
    .option('-o, --output <form>', 'table or json', 'table')
    .addHelpText('after', statuses)
    .showHelpAfterError('(see --help)')
    .exitOverride();
  sandboxCommands(program);
  lookCommands(program);
  clusterCommands(program);
  exportCommands(program);
  policyCommands(program);
  failoverCommands(program);
  inherit(program);
  return program;
}

/** Subcommands end like the program: by an error that is turned into a status in one place. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.exitOverride();
    inherit(child);
  }
}

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exit.done : exit.usage;
  else {
    process.stderr.write(`isthmus: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof CliError ? error.status : exit.failed;
  }
}
