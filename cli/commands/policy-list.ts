import type { Command } from 'commander';
import type { Endpoint } from '../endpoint.ts';
import { CliError, exit } from '../exit.ts';
import { all } from '../pages.ts';
import { lines, plain, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';
import { clusterPolicies, clusterPoliciesText } from './cluster-policies.ts';

interface AccessPolicy {
  readonly name: string;
  readonly effect: string;
  readonly target: {
    readonly namespace: string;
    readonly clusters: readonly string[];
    readonly labels: readonly { readonly key: string; readonly value: string }[];
  };
  readonly rules: readonly {
    readonly principals: readonly string[];
    readonly namespaces: readonly string[];
    readonly ports: readonly number[];
  }[];
  readonly revision: number;
  readonly status: readonly { readonly cluster: string; readonly state: string; readonly message: string }[];
}

interface TrafficPolicy {
  readonly localityOrder: readonly string[];
  readonly regionFailover: readonly { readonly from: string; readonly to: string }[];
  readonly revision: number;
}

interface Service {
  readonly namespace: string;
  readonly name: string;
  readonly trafficPolicy: TrafficPolicy | null;
}

type OfService = TrafficPolicy & Pick<Service, 'namespace' | 'name'>;

interface ListOptions {
  readonly cluster?: string;
  readonly namespace?: string;
}

export function policyListCommand(policy: Command, world: World): void {
  policy
    .command('list')
    .description(
      'access policies and where they are in force, and traffic policies; with --cluster the AuthorizationPolicies and PeerAuthentications of that cluster',
    )
    .option('--cluster <name>', 'the policies that a cluster itself has, as its agent sees them now')
    .option('-n, --namespace <name>', 'with --cluster: only those of a namespace')
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus policy list\n  isthmus policy list --output json | jq \'.[] | select(.effect == "DENY")\'\n  isthmus policy list --cluster east --namespace shop',
    )
    .action(async ({ cluster, namespace }: ListOptions, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      if (cluster !== undefined) {
        const own = await clusterPolicies(endpoint, cluster, namespace);
        return show(own, () => clusterPoliciesText(own, cluster));
      }
      if (namespace !== undefined)
        throw new CliError(
          exit.usage,
          '--namespace needs --cluster: the policies of the hub are for all clusters',
        );
      const access = await all<AccessPolicy>(endpoint, {
        field: 'policies',
        nodes:
          'name effect target { namespace clusters labels { key value } } rules { principals namespaces ports } revision status { cluster state proxies message }',
      });
      const traffic = await trafficPolicies(endpoint);
      const both = [
        ...access.map((one) => ({ kind: 'AccessPolicy', ...one })),
        ...traffic.map((one) => ({ kind: 'TrafficPolicy', ...one })),
      ];
      show(both, () => (both.length === 0 ? 'there is no policy' : text(access, traffic)));
    });
}

/** They hang on their services. */
async function trafficPolicies(endpoint: Endpoint): Promise<readonly OfService[]> {
  const services = await all<Service>(endpoint, {
    field: 'services',
    nodes: 'namespace name trafficPolicy { localityOrder regionFailover { from to } revision }',
  });
  return services.flatMap(({ namespace, name, trafficPolicy }) =>
    trafficPolicy ? [{ namespace, name, ...trafficPolicy }] : [],
  );
}

function text(access: readonly AccessPolicy[], traffic: readonly OfService[]): string {
  const parts = [
    ...(access.length > 0 ? [lines(accessTable(access), ...access.flatMap(troubles))] : []),
    ...(traffic.length > 0 ? [trafficTable(traffic)] : []),
  ];
  return parts.join('\n\n');
}

const accessTable = (policies: readonly AccessPolicy[]): string =>
  table(
    ['policy', 'effect', 'namespace', 'selects', 'rules', 'revision', 'status'],
    policies.map(({ name, effect, target, rules, revision, status }) => [
      ...[name, effect, target.namespace, selects(target), rules.map(ruleText).join(' or '), revision],
      status.map(({ cluster, state }) => `${cluster}:${state}`).join(' '),
    ]),
  );

function selects({ labels, clusters }: AccessPolicy['target']): string {
  const wanted = labels.map(({ key, value }) => `${key}=${value}`).join(',') || 'all';
  return clusters.length === 0 ? wanted : `${wanted} in ${clusters.join(',')}`;
}

/** Fields that all must match; a rule without any matches everything. */
function ruleText({ principals, namespaces, ports }: AccessPolicy['rules'][number]): string {
  const fields = [
    ...(principals.length > 0 ? [`from ${principals.join(',')}`] : []),
    ...(namespaces.length > 0 ? [`from namespace ${namespaces.join(',')}`] : []),
    ...(ports.length > 0 ? [`to ${ports.join(',')}`] : []),
  ];
  return fields.join(' ') || 'anything';
}

const troubles = ({ name, status }: AccessPolicy): readonly string[] =>
  status.flatMap(({ cluster, state, message }) =>
    message === '' ? [] : [plain(`${name} in ${cluster} is ${state}: ${message}`)],
  );

const trafficTable = (policies: readonly OfService[]): string =>
  table(
    ['traffic of', 'order', 'failover', 'revision'],
    policies.map(({ namespace, name, localityOrder, regionFailover, revision }) => [
      ...[`${namespace}/${name}`, localityOrder.join(' ') || 'all clusters alike'],
      ...[regionFailover.map(({ from, to }) => `${from} to ${to}`).join(', '), revision],
    ]),
  );
