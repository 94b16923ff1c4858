import { Option, type Command } from 'commander';
import { all } from '../pages.ts';
import { table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Rejection {
  readonly severity: string;
  readonly code: string;
  readonly object: string;
  readonly field: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const nodes = 'severity code object field file line message';

export function rejectionsCommand(program: Command, world: World): void {
  program
    .command('rejections')
    .description('what the manifests or objects of a cluster say and Isthmus does not do, gravest first')
    .argument('<cluster>')
    .addOption(
      new Option('--severity <severity>', 'only those of a severity').choices(['ERROR', 'WARNING', 'INFO']),
    )
    .addHelpText('after', '\nExample:\n  isthmus rejections east --severity ERROR')
    .action(async (cluster: string, { severity }: { severity?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const rejections = await all<Rejection>(endpoint, {
        field: 'rejections',
        nodes,
        arguments: {
          cluster: { type: 'String!', value: cluster },
          severity: { type: 'Severity', value: severity },
        },
      });
      show(rejections, () =>
        rejections.length === 0 ? `${cluster} has no such rejections` : tableOf(rejections),
      );
    });
}

const tableOf = (rejections: readonly Rejection[]): string =>
  table(
    ['severity', 'code', 'object', 'field', 'at', 'message'],
    rejections.map((one) => [
      one.severity,
      one.code,
      one.object,
      one.field || '-',
      placeOf(one),
      one.message,
    ]),
  );

const placeOf = ({ file, line }: Rejection): string =>
  file === '' ? '-' : line === 0 ? file : `${file}:${line}`;
