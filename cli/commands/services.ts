import type { Command } from 'commander';
import { all } from '../pages.ts';
import { asOf, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly clusters: readonly {
    readonly cluster: string;
    readonly exported: boolean;
    readonly healthy: number;
    readonly total: number;
    readonly staleness: { readonly asOf: string | null; readonly reachable: boolean };
    readonly conditions: readonly { readonly reason: string }[];
  }[];
}

const nodes = `namespace name hostname revision ports { name port targetPort }
  trafficPolicy { localityOrder regionFailover { from to } revision }
  clusters { cluster exported healthy total groups { region zone transport healthy total }
    staleness { asOf reachable } conditions { type status reason message } }`;

export function servicesCommand(program: Command, world: World): void {
  program
    .command('services')
    .description('services over all clusters, with their endpoints')
    .option('-n, --namespace <name>', 'only those of a namespace')
    .addHelpText('after', '\nExample:\n  isthmus services --namespace shop')
    .action(async ({ namespace }: { namespace?: string }, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const within = { namespace: { type: 'String', value: namespace } };
      const services = await all<Service>(endpoint, { field: 'services', nodes, arguments: within });
      show(services, () => (services.length === 0 ? 'no cluster has such services' : tableOf(services)));
    });
}

const tableOf = (services: readonly Service[]): string =>
  table(
    ['service', 'cluster', 'exported', 'healthy', 'as of', 'revision', 'conditions'],
    services.flatMap(({ namespace, name, revision, clusters }) =>
      clusters.map((one) => [
        ...[`${namespace}/${name}`, one.cluster, one.exported ? 'yes' : 'no', `${one.healthy}/${one.total}`],
        ...[asOf(one.staleness), revision, one.conditions.map(({ reason }) => reason).join(' ')],
      ]),
    ),
  );
