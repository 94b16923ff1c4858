import type { Command } from 'commander';
import {
  change,
  mutation,
  changeText,
  withChangeFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { all } from '../pages.ts';
import { timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Token {
  readonly tokenId: string;
  readonly cluster: string;
  readonly state: string;
  readonly createdAt: string | null;
  readonly createdBy: string;
  readonly expiresAt: string;
  readonly revision: number;
}

const nodes = 'tokenId cluster state createdAt createdBy expiresAt usedAt namespaces network revision';
const revokeJoinToken = mutation('revokeJoinToken', 'RevokeJoinTokenInput', 'tokenIds');

export function tokenListCommands(token: Command, world: World): void {
  token
    .command('list')
    .description('join tokens, newest first; their secrets are kept nowhere')
    .option('--cluster <name>', 'only those of one cluster')
    .addHelpText('after', '\nExample:\n  isthmus token list')
    .action(async ({ cluster }: { cluster?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const tokens = await all<Token>(endpoint, {
        field: 'joinTokens',
        nodes,
        arguments: { cluster: { type: 'String', value: cluster } },
      });
      show(tokens, () => (tokens.length === 0 ? 'there is no join token' : tableOf(tokens)));
    });
  withChangeFlags(
    token
      .command('revoke')
      .description('end join tokens before their time; a cluster that has joined stays a member')
      .argument('<token>', 'an id of token list, or the name of a cluster for all its unused tokens'),
  )
    .addHelpText('after', '\nExample:\n  isthmus token revoke north')
    .action(async (given: string, options: ChangeOptions, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const isId = (await all<Token>(endpoint, { field: 'joinTokens', nodes: 'tokenId' })).some(
        ({ tokenId }) => tokenId === given,
      );
      const input = isId ? { id: given } : { cluster: given };
      const result = await change<Payload>(endpoint, revokeJoinToken, input, options);
      const object = isId ? `join token ${given}` : `unused join tokens of ${given}`;
      show(result, () =>
        changeText({ todo: `revoke ${object}`, done: `${object} revoked`, object }, result, options),
      );
    });
}

const tableOf = (tokens: readonly Token[]): string =>
  table(
    ['token', 'cluster', 'state', 'by', 'expires', 'revision'],
    tokens.map(({ tokenId, cluster, state, createdBy, expiresAt, revision }) => [
      ...[tokenId, cluster, state, createdBy, timestamp(expiresAt), revision],
    ]),
  );
