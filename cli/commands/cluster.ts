import { Option, type Command } from 'commander';
import { names } from '../arguments.ts';
import {
  changeWithConsent,
  mutation,
  changeText,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { CliError, exit } from '../exit.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface NamespacesOptions extends ChangeOptions {
  readonly allow?: readonly string[];
  readonly all?: boolean;
}

const setClusterNamespaces = mutation('setClusterNamespaces', 'SetClusterNamespacesInput');

export function clusterCommands(program: Command, world: World): void {
  const cluster = program
    .command('cluster')
    .description('what a member cluster may do')
    .addHelpText('after', '\nExample:\n  isthmus cluster namespaces west --allow shop,pay');
  withConsentFlags(
    cluster
      .command('namespaces')
      .description('set the namespaces whose identities a cluster may host, as every proxy enforces it')
      .argument('<cluster>'),
  )
    .addOption(
      new Option('--allow <names>', 'these alone, with commas between them')
        .argParser(names)
        .conflicts('all'),
    )
    .option('--all', 'every namespace')
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus cluster namespaces west --allow shop,pay --dry-run\n  isthmus cluster namespaces west --all',
    )
    .action(async (name: string, options: NamespacesOptions, command: Command) => {
      const at = invocation(command, world);
      const { allow, all } = options;
      if (!allow && !all)
        throw new CliError(
          exit.usage,
          'which namespaces: give --allow with names, or --all (isthmus clusters -o json shows those that are set)',
        );
      const which = allow ? `the namespaces ${allow.join(', ')} alone` : 'every namespace';
      const texts = {
        todo: `allow ${name} to host identities of ${which}`,
        done: `${name} may host identities of ${which}`,
        object: `cluster ${name}`,
      };
      const input = { cluster: name, namespaces: allow ?? null };
      const result = await changeWithConsent<Payload>(at, texts.todo, setClusterNamespaces, input, options);
      at.show(result, () => changeText(texts, result, options));
    });
}
