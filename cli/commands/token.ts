import type { Command } from 'commander';
import { names, nonEmpty, wholeNumber } from '../arguments.ts';
import {
  change,
  mutation,
  changeText,
  warningText,
  withChangeFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { CliError, exit } from '../exit.ts';
import { helmLine, secretHelp } from '../helm-line.ts';
import { timestamp } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';
import { tokenListCommands } from './token-list.ts';

const createJoinToken = mutation('createJoinToken', 'CreateJoinTokenInput', 'token expiresAt');

interface Token extends Payload {
  readonly token: string | null;
  readonly expiresAt: string | null;
}

interface TokenOptions extends ChangeOptions {
  readonly lifetime: number;
  readonly namespaces?: readonly string[];
  readonly network?: string;
  readonly helm?: boolean;
}

export function tokenCommand(program: Command, world: World): void {
  const token = program
    .command('token')
    .description('join tokens')
    .addHelpText(
      'after',
      '\nisthmus token <cluster> is isthmus token create <cluster>.\n\nExample:\n  isthmus token list',
    );
  tokenListCommands(token, world);
  withChangeFlags(
    token
      .command('create', { isDefault: true })
      .description('a token with which one cluster joins once; printed once')
      .argument('<cluster>', 'the name under which it will join'),
  )
    .option('--lifetime <seconds>', '60 to 86400', wholeNumber(60, 86_400), 3600)
    .option(
      '--namespaces <names>',
      'namespaces whose identities the cluster may host, with commas between; without it those that it was allowed before, or all',
      names,
    )
    .option(
      '--network <name>',
      'the network that it is admitted for; without it the first one that its agent reports, if no other cluster has it',
      nonEmpty,
    )
    .option('--helm', 'print the helm command alone to standard output, instead of the token')
    .addHelpText(
      'after',
      `\nThe token alone goes to standard output, and the helm command that uses it to standard error.\n${secretHelp}\n\nExamples:\n  (umask 077; isthmus token create north > north.token)\n  isthmus token create north --helm`,
    )
    .action(async (cluster: string, options: TokenOptions, command: Command) => {
      const { endpoint, isJson, show } = invocation(command, world);
      if (options.helm && isJson)
        throw new CliError(exit.usage, '--helm prints a command for a shell: leave out --output json');
      const { namespaces, network } = options;
      const input = { cluster, lifetimeSeconds: options.lifetime, namespaces, network };
      const result = await change<Token>(endpoint, createJoinToken, input, options);
      // Prose in the file that was to hold a token would only be noticed where the cluster joins.
      if (result.token === null && !options.dryRun)
        throw new CliError(
          exit.conflict,
          'the token was shown when this idempotency key was first used and is kept nowhere: use a new key for a new token',
        );
      const line = result.token === null ? undefined : helmLine({ cluster, token: result.token });
      if (line !== undefined && result.expiresAt !== null) {
        world.note(noteOf(cluster, result.expiresAt, options.helm ? undefined : line));
        for (const one of result.warnings) world.note(`${warningText(one)}\n`);
      }
      const text = changeText(
        { todo: `make a token for ${cluster}`, done: `a token for ${cluster}`, object: cluster },
        result,
        options,
      );
      show(result, () => (options.helm ? line : result.token) ?? text);
    });
}

/** Beside the token: until when it is good, and how it is used. `line` has the token in it. */
function noteOf(cluster: string, expiresAt: string, line: string | undefined): string {
  const until = `for ${cluster} to join once, until ${timestamp(expiresAt)}\n`;
  const secret =
    'The helm command holds the token: shells keep it in their history, and Helm in its release. --help shows the way by a Secret.\n';
  return line === undefined ? until + secret : `${until}${line}\n${secret}`;
}
