import type { Command } from 'commander';
import { wholeNumber } from '../arguments.ts';
import { change, mutation, told, withChangeFlags, type ChangeOptions, type Payload } from '../change.ts';
import { CliError, exit } from '../exit.ts';
import { moment } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

const createJoinToken = mutation('createJoinToken', 'CreateJoinTokenInput', 'token expiresAt');

interface Token extends Payload {
  readonly token: string | null;
  readonly expiresAt: string | null;
}

export function tokenCommand(program: Command, world: World): void {
  withChangeFlags(
    program
      .command('token')
      .description('a token with which one cluster joins once; printed once')
      .argument('<cluster>', 'the name under which it will join'),
  )
    .option('--lifetime <seconds>', '60 to 86400', wholeNumber(60, 86_400), 3600)
    .addHelpText(
      'after',
      '\nThe token alone goes to standard output.\n\nExample:\n  (umask 077; isthmus token north > north.token)',
    )
    .action(async (cluster: string, options: ChangeOptions & { lifetime: number }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const input = { cluster, lifetimeSeconds: options.lifetime };
      const result = await change<Token>(endpoint, createJoinToken, input, options);
      // Prose in the file that was to hold a token would only be noticed where the cluster joins.
      if (result.token === null && !options.dryRun)
        throw new CliError(
          exit.conflict,
          'the token was shown when this idempotency key was first used and is kept nowhere: use a new key for a new token',
        );
      if (result.token !== null && result.expiresAt !== null)
        world.note(`for ${cluster} to join once, until ${moment(result.expiresAt)}\n`);
      show(result, () => result.token ?? told(`a token for ${cluster}`, result, options));
    });
}
