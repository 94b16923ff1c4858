import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import { ask, mutate, type Payload } from '../api.ts';
import { confirm } from '../confirm.ts';
import { CliError, exit } from '../exit.ts';
import { show, table } from '../print.ts';
import { commonInput, invocation, serviceRef, withMutationFlags, type MutationOptions } from '../run.ts';

const fields = 'warnings revision userErrors { code field message }';

const done = (what: string, { warnings }: Payload, { dryRun }: MutationOptions): string =>
  [dryRun ? `would be done: ${what}` : what, ...warnings.map((warning) => `  ${warning}`)].join('\n');

/** Clusters: tokens, drains. */
export function clusterCommands(program: Command): void {
  withMutationFlags(
    program
      .command('token')
      .description('a token with which one cluster joins, printed once')
      .argument('<cluster>'),
  )
    .option('--lifetime <seconds>', '60 to 86400', '3600')
    .addHelpText('after', '\nExample:\n  isthmus token north > north.token')
    .action(async (cluster: string, options: MutationOptions & { lifetime: string }, command: Command) => {
      const { endpoint, output } = invocation(command);
      const query = `mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token expiresAt ${fields} } }`;
      const result = await mutate<Payload & { token: string | null }>(endpoint, query, {
        cluster,
        lifetimeSeconds: Number(options.lifetime),
        ...commonInput(options),
      });
      show(output, result, () => result.token ?? done(`a token for ${cluster}`, result, options));
    });
  withMutationFlags(
    program.command('drain').description('move new connections away from a cluster').argument('<cluster>'),
  )
    .option('--percent <n>', '1 to 100', '100')
    .option('--scope <scope>', 'ALL, or REMOTE to leave the cluster’s own clients', 'ALL')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  isthmus drain west --percent 30 --dry-run')
    .action(
      async (
        cluster: string,
        options: MutationOptions & { percent: string; scope: string },
        command: Command,
      ) => {
        const { endpoint, output } = invocation(command);
        if (!options.dryRun) await confirm(`drain ${options.percent}% of ${cluster}`, options.yes);
        const query = `mutation($input: DrainClusterInput!) { result: drainCluster(input: $input) { noAlternative operation { operationId state } ${fields} } }`;
        const result = await mutate<Payload>(endpoint, query, {
          cluster,
          percent: Number(options.percent),
          scope: options.scope,
          ...commonInput(options),
        });
        show(output, result, () => done(`${cluster} drained by ${options.percent}%`, result, options));
      },
    );
  withMutationFlags(
    program.command('undrain').description('let new connections return to a cluster').argument('<cluster>'),
  )
    .option('--yes', 'do not ask')
    .action(async (cluster: string, options: MutationOptions, command: Command) => {
      const { endpoint, output } = invocation(command);
      if (!options.dryRun) await confirm(`undrain ${cluster}`, options.yes);
      const query = `mutation($input: ClusterInput!) { result: undrainCluster(input: $input) { operation { operationId state } ${fields} } }`;
      const result = await mutate<Payload>(endpoint, query, { cluster, ...commonInput(options) });
      show(output, result, () => done(`${cluster} takes new connections again`, result, options));
    });
}

/** Exports. */
export function exportCommands(program: Command): void {
  withMutationFlags(
    program.command('export').description('let other clusters reach a service').argument('<namespace/name>'),
  )
    .option('--clusters <names>', 'exporting clusters, comma-separated; all that have it when left out')
    .action(async (service: string, options: MutationOptions & { clusters?: string }, command: Command) => {
      const { endpoint, output } = invocation(command);
      const query = `mutation($input: ExportServiceInput!) { result: exportService(input: $input) { ${fields} } }`;
      const clusters = options.clusters?.split(',') ?? [];
      const result = await mutate<Payload>(endpoint, query, {
        service: serviceRef(service),
        clusters,
        ...commonInput(options),
      });
      show(output, result, () => done(`${service} exported`, result, options));
    });
  withMutationFlags(
    program.command('unexport').description('take an export back').argument('<namespace/name>'),
  ).action(async (service: string, options: MutationOptions, command: Command) => {
    const { endpoint, output } = invocation(command);
    const query = `mutation($input: UnexportServiceInput!) { result: unexportService(input: $input) { ${fields} } }`;
    const result = await mutate<Payload>(endpoint, query, {
      service: serviceRef(service),
      ...commonInput(options),
    });
    show(output, result, () => done(`${service} no longer exported`, result, options));
  });
}

interface Policies {
  policies: {
    nodes: {
      name: string;
      effect: string;
      target: { namespace: string };
      revision: number;
      status: { cluster: string; state: string }[];
    }[];
  };
}

/** Access and traffic policies, as files or by name. */
export function policyCommands(program: Command): void {
  const policy = program.command('policy').description('access and traffic policies');
  withMutationFlags(
    policy
      .command('apply')
      .description('store the policies of a YAML file (isthmus.io/v1alpha1)')
      .requiredOption('-f, --file <file>', 'a file, or - for standard input'),
  )
    .addHelpText(
      'after',
      '\nKinds: AccessPolicy, TrafficPolicy. Their spec has the fields of the API’s inputs.\n\nExample:\n  isthmus policy apply -f deny.yaml --dry-run',
    )
    .action(async ({ file, ...options }: MutationOptions & { file: string }, command: Command) => {
      const { endpoint, output } = invocation(command);
      const results: Payload[] = [];
      for (const object of readPolicies(readFileSync(file === '-' ? 0 : file, 'utf8')))
        results.push(
          await mutate<Payload>(endpoint, object.query, { ...object.input, ...commonInput(options) }),
        );
      show(output, results, () => results.map((result) => done('applied', result, options)).join('\n'));
    });
  policy
    .command('list')
    .description('policies and where they are in force')
    .action(async (_options: object, command: Command) => {
      const { endpoint, output } = invocation(command);
      const data = await ask<Policies>(
        endpoint,
        '{ policies(first: 100) { nodes { name effect target { namespace } revision status { cluster state } } } }',
      );
      const rows = data.policies.nodes.map((one) => [
        one.name,
        one.effect,
        one.target.namespace,
        one.revision,
        one.status.map(({ cluster, state }) => `${cluster}:${state}`).join(' '),
      ]);
      show(output, data.policies.nodes, () =>
        table(['policy', 'effect', 'namespace', 'revision', 'status'], rows),
      );
    });
  withMutationFlags(
    policy.command('delete').description('remove an access policy').argument('<name>'),
  ).action(async (name: string, options: MutationOptions, command: Command) => {
    const { endpoint, output } = invocation(command);
    const result = await mutate<Payload>(
      endpoint,
      `mutation($input: DeletePolicyInput!) { result: deletePolicy(input: $input) { ${fields} } }`,
      { name, ...commonInput(options) },
    );
    show(output, result, () => done(`${name} deleted`, result, options));
  });
}

interface PolicyObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly spec?: {
    readonly target?: { readonly labels?: Record<string, string> };
    readonly [field: string]: unknown;
  };
}

/** Each document as the mutation that stores it. */
export function readPolicies(text: string): readonly { query: string; input: object }[] {
  return parseAllDocuments(text).map((document) => {
    const [problem] = document.errors;
    if (problem) throw new CliError(exit.usage, problem.message);
    return mutationOf(document.toJS() as PolicyObject);
  });
}

function mutationOf({ apiVersion, kind, metadata = {}, spec = {} }: PolicyObject): {
  query: string;
  input: object;
} {
  if (apiVersion !== 'isthmus.io/v1alpha1')
    throw new CliError(exit.usage, `apiVersion is isthmus.io/v1alpha1, not '${apiVersion ?? ''}'`);
  if (kind === 'AccessPolicy') {
    const labels = Object.entries(spec.target?.labels ?? {}).map(([key, value]) => ({ key, value }));
    const access = { name: metadata.name, ...spec, target: { ...spec.target, labels } };
    return {
      query: `mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { ${fields} } }`,
      input: { policy: { access } },
    };
  }
  if (kind === 'TrafficPolicy') {
    const service = { namespace: metadata.namespace ?? 'default', name: metadata.name };
    return {
      query: `mutation($input: SetTrafficPolicyInput!) { result: setTrafficPolicy(input: $input) { ${fields} } }`,
      input: { service, ...spec },
    };
  }
  throw new CliError(exit.usage, `kind is AccessPolicy or TrafficPolicy, not '${kind ?? ''}'`);
}
