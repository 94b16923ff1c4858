import type { Command } from 'commander';
import { names, nonEmpty, wholeNumber } from '../arguments.ts';
import {
  change,
  mutation,
  changeText,
  withChangeFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { CliError, exit } from '../exit.ts';
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
    .addHelpText(
      'after',
      '\nThe token alone goes to standard output.\n\nExample:\n  (umask 077; isthmus token create north > north.token)',
    )
    .action(async (cluster: string, options: TokenOptions, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const { namespaces, network } = options;
      const input = { cluster, lifetimeSeconds: options.lifetime, namespaces, network };
      const result = await change<Token>(endpoint, createJoinToken, input, options);
      // Prose in the file that was to hold a token would only be noticed where the cluster joins.
      if (result.token === null && !options.dryRun)
        throw new CliError(
          exit.conflict,
          'the token was shown when this idempotency key was first used and is kept nowhere: use a new key for a new token',
        );
      if (result.token !== null && result.expiresAt !== null)
        world.note(`for ${cluster} to join once, until ${timestamp(result.expiresAt)}\n`);
      show(
        result,
        () =>
          result.token ??
          changeText(
            { todo: `make a token for ${cluster}`, done: `a token for ${cluster}`, object: cluster },
            result,
            options,
          ),
      );
    });
}
