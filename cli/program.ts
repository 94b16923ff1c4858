import { version } from '@isthmus/mesh/process/version.ts';
import { Command, CommanderError, Option } from 'commander';
import { instanceName, nonEmpty } from './arguments.ts';
import { auditCommand } from './commands/audit.ts';
import { checkCommand } from './commands/check.ts';
import { clusterCommands } from './commands/cluster.ts';
import { clustersCommand } from './commands/clusters.ts';
import { drainCommands } from './commands/drain.ts';
import { exportCommands } from './commands/export.ts';
import { failoverCommands } from './commands/failover.ts';
import { membershipCommands } from './commands/membership.ts';
import { operationsCommand } from './commands/operations.ts';
import { policyCommands } from './commands/policy.ts';
import { proxiesCommand } from './commands/proxies.ts';
import { rejectionsCommand } from './commands/rejections.ts';
import { sandboxCommands } from './commands/sandbox.ts';
import { servicesCommand } from './commands/services.ts';
import { tokenCommand } from './commands/token.ts';
import { trustCommand } from './commands/trust.ts';
import { workloadsCommand } from './commands/workloads.ts';
import { CliError, exit, type ExitStatus } from './exit.ts';
import { forTerminals, type World } from './world.ts';

const statuses =
  '\nExit status: 0 done, 1 failed, 2 usage, 3 unreachable, 4 not found, 5 conflict or stale, 6 denied, 7 hub replaced,\n10 warnings of check.';

const examples = `
Examples:
  isthmus up
  isthmus check
  isthmus clusters
  isthmus failover simulate --from-cluster east
  isthmus clusters --url https://hub.example:8080 --token-file admin.token --ca-file hub-ca.pem`;

/** The command line. It speaks only GraphQL to the hub. Subcommands inherit how it ends, writes and helps. */
function createProgram(world: World): Command {
  const program = new Command('isthmus')
    .description('one mesh over many clusters')
    .version(version)
    .option(
      '--instance <name>',
      'which sandbox, when there are several; up and tour start it under this name',
      instanceName,
    )
    .option('--url <url>', 'a hub’s GraphQL URL (ISTHMUS_URL)')
    .addOption(new Option('--endpoint <url>', 'earlier name of --url').hideHelp())
    .option(
      '--token-file <file>',
      'file with the token for --url (ISTHMUS_TOKEN_FILE; else the token in ISTHMUS_TOKEN)',
    )
    .option(
      '--ca-file <file>',
      'PEM of the CA that issued the certificate of --url; without it those of Node (ISTHMUS_CA_FILE)',
    )
    .option(
      '--server-name <name>',
      'the name in the certificate of --url, where that is not the one in the URL, as through kubectl port-forward (ISTHMUS_SERVER_NAME)',
      nonEmpty,
    )
    .addOption(
      new Option('-o, --output <form>', 'for people or for scripts')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addHelpText('after', examples)
    .addHelpText('afterAll', statuses)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (said) => world.out(said), writeErr: (said) => world.note(said) })
    .showHelpAfterError('(see --help)')
    .exitOverride();
  sandboxCommands(program);
  checkCommand(program, world);
  clustersCommand(program, world);
  clusterCommands(program, world);
  servicesCommand(program, world);
  workloadsCommand(program, world);
  proxiesCommand(program, world);
  rejectionsCommand(program, world);
  policyCommands(program, world);
  exportCommands(program, world);
  failoverCommands(program, world);
  drainCommands(program, world);
  operationsCommand(program, world);
  auditCommand(program, world);
  membershipCommands(program, world);
  trustCommand(program, world);
  tokenCommand(program, world);
  return program;
}

/** Runs one command line, without the program's name before it. Everything that can go wrong becomes a status. */
export async function runCommandLine(args: readonly string[], around: World): Promise<ExitStatus> {
  const world = forTerminals(around);
  try {
    await createProgram(world).parseAsync(args, { from: 'user' });
    return exit.done;
  } catch (error) {
    // Commander has said what was wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    const said = error instanceof Error ? error.message : String(error);
    // A command that has said all by itself ends with a status alone.
    if (said !== '') world.note(`isthmus: ${said}\n`);
    return error instanceof CliError ? error.status : exit.failed;
  }
}
