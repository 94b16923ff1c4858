import type { Command } from 'commander';
import { all } from '../pages.ts';
import { lines, timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Drain {
  readonly cluster: string;
  readonly percent: number;
  readonly scope: string;
  readonly deadline: string | null;
  readonly since: string | null;
  readonly owner: string;
  readonly reason: string;
  readonly revision: number;
}

export function drainListCommand(drain: Command, world: World): void {
  drain
    .command('list')
    .description('drains that are in force, newest first')
    .addHelpText('after', '\nExample:\n  isthmus drain list')
    .action(async (_options: object, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const nodes = 'cluster percent scope deadline since owner reason revision';
      const drains = await all<Drain>(endpoint, { field: 'drains', nodes });
      show(drains, () =>
        drains.length === 0
          ? 'no cluster is drained'
          : lines(tableOf(drains), '\nend one with: isthmus undrain <cluster>'),
      );
    });
}

const tableOf = (drains: readonly Drain[]): string =>
  table(
    ['cluster', 'share', 'deadline', 'by', 'since', 'revision', 'reason'],
    drains.map(({ cluster, percent, scope, deadline, since, owner, reason, revision }) => [
      ...[
        cluster,
        `${percent}%${scope === 'ALL' ? '' : ` ${scope}`}`,
        deadline === null ? '-' : timestamp(deadline),
      ],
      ...[owner, since === null ? '-' : timestamp(since), revision, reason],
    ]),
  );
