import type { Command } from 'commander';
import {
  changeWithConsent,
  mutation,
  operationFields,
  changeText,
  withConsentFlags,
  type ChangeOptions,
  type Payload,
  type ChangeTexts,
} from '../change.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

/** One way of ending what the hub knows of a cluster. */
interface Ending {
  readonly name: string;
  readonly description: string;
  readonly example: string;
  readonly query: string;
  readonly texts: (cluster: string) => ChangeTexts;
}

const endings: readonly Ending[] = [
  {
    name: 'revoke',
    description: 'end a cluster’s membership at once; its certificates and tokens are refused from then on',
    example: 'isthmus revoke west --reason "machine stolen"',
    query: mutation('revokeCluster', 'ClusterInput', operationFields),
    texts: (cluster) => ({
      todo: `revoke ${cluster}`,
      done: `${cluster} revoked; isthmus token ${cluster} lets it join again`,
      object: cluster,
    }),
  },
  {
    name: 'remove',
    description: 'forget a cluster that is revoked or has never joined',
    example: 'isthmus remove west',
    query: mutation('removeCluster', 'ClusterInput'),
    texts: (cluster) => ({ todo: `remove ${cluster}`, done: `${cluster} removed`, object: cluster }),
  },
];

export function membershipCommands(program: Command, world: World): void {
  for (const { name, description, example, query, texts } of endings)
    withConsentFlags(program.command(name).description(description).argument('<cluster>'))
      .addHelpText('after', `\nExample:\n  ${example}`)
      .action(async (cluster: string, options: ChangeOptions, command: Command) => {
        const at = invocation(command, world);
        const words = texts(cluster);
        const result = await changeWithConsent<Payload>(at, words.todo, query, { cluster }, options);
        at.show(result, () => changeText(words, result, options));
      });
}
