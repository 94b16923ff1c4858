import type { Command } from 'commander';
import { ask } from '../api.ts';
import { show, table } from '../print.ts';
import { invocation } from '../run.ts';

interface Clusters {
  clusters: {
    nodes: {
      name: string;
      state: string;
      drainPercent: number;
      network: string;
      proxiesConnected: number;
      staleness: { asOf: string | null; reachable: boolean };
    }[];
  };
}

interface Services {
  services: {
    nodes: {
      namespace: string;
      name: string;
      clusters: {
        cluster: string;
        exported: boolean;
        healthy: number;
        total: number;
        conditions: { reason: string }[];
      }[];
    }[];
  };
}

interface Workloads {
  workloads: {
    nodes: {
      namespace: string;
      name: string;
      node: string;
      mode: string;
      ready: boolean;
      spiffeId: string;
    }[];
  };
}

interface Trust {
  trustDomains: {
    nodes: {
      name: string;
      intermediates: {
        cluster: string;
        keyId: string;
        notAfter: string;
        activated: boolean;
        revoked: boolean;
        acknowledgedBy: string[];
      }[];
    }[];
  };
}

/** The commands that only look. */
export function lookCommands(program: Command): void {
  clustersCommand(program);
  servicesCommand(program);
  workloadsCommand(program);
  trustCommand(program);
}

function clustersCommand(program: Command): void {
  program
    .command('clusters')
    .description('the member clusters and how they are')
    .action(async (_options: object, command: Command) => {
      const { endpoint, output } = invocation(command);
      const data = await ask<Clusters>(
        endpoint,
        '{ clusters(first: 100) { nodes { name state drainPercent network proxiesConnected staleness { asOf reachable } } } }',
      );
      const rows = data.clusters.nodes.map((one) => [
        one.name,
        one.state,
        `${one.drainPercent}%`,
        one.network,
        one.proxiesConnected,
        one.staleness.reachable ? 'now' : (one.staleness.asOf ?? 'never'),
      ]);
      show(output, data.clusters.nodes, () =>
        table(['cluster', 'state', 'drain', 'network', 'proxies', 'as of'], rows),
      );
    });
}

function servicesCommand(program: Command): void {
  program
    .command('services')
    .description('services over all clusters, with their endpoints')
    .option('-n, --namespace <name>', 'only those of a namespace')
    .action(async ({ namespace }: { namespace?: string }, command: Command) => {
      const { endpoint, output } = invocation(command);
      const query =
        'query($namespace: String) { services(first: 100, namespace: $namespace) { nodes { namespace name clusters { cluster exported healthy total conditions { reason } } } } }';
      const data = await ask<Services>(endpoint, query, { namespace });
      const rows = data.services.nodes.flatMap((service) =>
        service.clusters.map((one) => [
          `${service.namespace}/${service.name}`,
          one.cluster,
          one.exported ? 'yes' : 'no',
          `${one.healthy}/${one.total}`,
          one.conditions.map(({ reason }) => reason).join(' '),
        ]),
      );
      show(output, data.services.nodes, () =>
        table(['service', 'cluster', 'exported', 'healthy', 'conditions'], rows),
      );
    });
}

function workloadsCommand(program: Command): void {
  program
    .command('workloads')
    .description('the workloads of one cluster, asked of its agent')
    .argument('<cluster>')
    .option('-n, --namespace <name>', 'only those of a namespace')
    .action(async (cluster: string, { namespace }: { namespace?: string }, command: Command) => {
      const { endpoint, output } = invocation(command);
      const query =
        'query($cluster: String!, $namespace: String) { workloads(cluster: $cluster, namespace: $namespace, first: 100) { nodes { namespace name node mode ready spiffeId } } }';
      const data = await ask<Workloads>(endpoint, query, { cluster, namespace });
      const rows = data.workloads.nodes.map((one) => [
        `${one.namespace}/${one.name}`,
        one.node,
        one.mode,
        one.ready ? 'yes' : 'no',
        one.spiffeId,
      ]);
      show(output, data.workloads.nodes, () =>
        table(['workload', 'node', 'mode', 'ready', 'identity'], rows),
      );
    });
}

function trustCommand(program: Command): void {
  program
    .command('trust')
    .description('trust domains and the intermediates in force')
    .command('show')
    .description('every trust domain with its intermediates')
    .action(async (_options: object, command: Command) => {
      const { endpoint, output } = invocation(command);
      const data = await ask<Trust>(
        endpoint,
        '{ trustDomains(first: 100) { nodes { name intermediates { cluster keyId notAfter activated revoked acknowledgedBy } } } }',
      );
      const rows = data.trustDomains.nodes.flatMap(({ name, intermediates }) =>
        intermediates.map((one) => [
          name,
          one.cluster,
          one.keyId.slice(0, 12),
          one.revoked ? 'REVOKED' : one.activated ? 'ACTIVE' : 'PENDING',
          one.notAfter,
          one.acknowledgedBy.join(' '),
        ]),
      );
      show(output, data.trustDomains.nodes, () =>
        table(['trust domain', 'cluster', 'key', 'state', 'not after', 'known to'], rows),
      );
    });
}
