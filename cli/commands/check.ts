import type { Command } from 'commander';
import { someOf } from '../arguments.ts';
import { CliError, exit } from '../exit.ts';
import { all } from '../pages.ts';
import { lines, plain } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

const severities = ['ERROR', 'WARNING', 'INFO'] as const;

interface Finding {
  readonly severity: (typeof severities)[number];
  readonly reason: string;
  readonly cluster: string | null;
  readonly object: string;
  readonly message: string;
  readonly remedy: string;
}

interface CheckOptions {
  readonly cluster?: string;
  readonly namespace?: string;
  readonly severity?: readonly string[];
}

const nodes = 'severity reason cluster namespace object message remedy';

/** Lists every condition of the federation; the exit status says how grave the gravest is. */
export function checkCommand(program: Command, world: World): void {
  program
    .command('check')
    .description('list what is wrong in the federation, the gravest first, each with its remedy')
    .option('--cluster <name>', 'only findings of one cluster')
    .option('-n, --namespace <name>', 'only findings of objects in a namespace')
    .option('--severity <list>', `only these, comma-separated: ${severities.join(', ')}`, someOf(severities))
    .addHelpText(
      'after',
      '\nExit status: 1 if an ERROR is listed, 10 if a WARNING and no ERROR is, 0 otherwise.\n\nExamples:\n  isthmus check\n  isthmus check --cluster east --severity ERROR,WARNING\n  isthmus check -o json | jq \'.[] | select(.severity == "ERROR")\'',
    )
    .action(async ({ cluster, namespace, severity }: CheckOptions, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const findings = await all<Finding>(endpoint, {
        field: 'insights',
        nodes,
        arguments: {
          cluster: { type: 'String', value: cluster },
          namespace: { type: 'String', value: namespace },
          severity: { type: '[Severity!]', value: severity },
        },
      });
      show(findings, () => text(findings));
      const gravest = severities.find((one) => findings.some((found) => found.severity === one));
      if (gravest === 'ERROR') throw new CliError(exit.failed, '');
      if (gravest === 'WARNING') throw new CliError(exit.warnings, '');
    });
}

const text = (findings: readonly Finding[]): string =>
  lines(...findings.map(paragraph), findings.length === 0 ? 'no findings' : summary(findings));

const paragraph = ({ severity, reason, cluster, object, message, remedy }: Finding): string =>
  [
    `${severity} ${reason}: ${object}${cluster === null ? '' : ` in ${cluster}`}`,
    `  ${message}`,
    ...(remedy === '' ? [] : [`  remedy: ${remedy}`]),
  ]
    .map(plain)
    .join('\n');

function summary(findings: readonly Finding[]): string {
  const of = (severity: string) => findings.filter((one) => one.severity === severity).length;
  return `\n${of('ERROR')} errors, ${of('WARNING')} warnings, ${of('INFO')} for information`;
}
