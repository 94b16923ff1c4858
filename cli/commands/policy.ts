import type { Command } from 'commander';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { textWithin } from '@isthmus/mesh/process/read-within.ts';
import { serviceRef } from '../arguments.ts';
import {
  change,
  mutation,
  changeText,
  withChangeFlags,
  type ChangeOptions,
  type Payload,
} from '../change.ts';
import { CliError, exit } from '../exit.ts';
import { readPolicies, type PolicyDocument } from '../policy-file.ts';
import { invocation, type Invocation } from '../run.ts';
import type { World } from '../world.ts';
import { policyListCommand } from './policy-list.ts';

const deleteTrafficPolicy = mutation('deleteTrafficPolicy', 'DeleteTrafficPolicyInput');
const deletePolicy = mutation('deletePolicy', 'DeletePolicyInput', 'name');

export function policyCommands(program: Command, world: World): void {
  const policy = program.command('policy').description('access and traffic policies');
  applyCommand(policy, world);
  policyListCommand(policy, world);
  withChangeFlags(
    policy
      .command('delete')
      .description('remove an access policy or a traffic policy')
      .argument('<name>', 'of an access policy, or namespace/name of the service of a traffic policy'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus policy delete deny-cart --reason "incident over"\n  isthmus policy delete shop/catalogue',
    )
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const result = name.includes('/')
        ? await change<Payload>(endpoint, deleteTrafficPolicy, { service: serviceRef(name) }, options)
        : await change<Payload>(endpoint, deletePolicy, { name }, options);
      show(result, () =>
        changeText({ todo: `delete ${name}`, done: `${name} deleted`, object: name }, result, options),
      );
    });
}

const applyHelp = `
The file has one or more documents of isthmus.io/v1alpha1, 1 MiB at most. All are checked before the first is stored.

  apiVersion: isthmus.io/v1alpha1
  kind: AccessPolicy
  metadata: { name: deny-cart }
  spec:
    effect: DENY                 # ALLOW, DENY or REQUIRE
    target: { namespace: shop, labels: { app: cart } }
    rules: [{ principals: [cluster.local/ns/shop/sa/frontend], ports: [8082] }]
  ---
  apiVersion: isthmus.io/v1alpha1
  kind: TrafficPolicy
  metadata: { namespace: shop, name: catalogue }
  spec:
    localityOrder: [REGION, ZONE]
    regionFailover: [{ from: region-a, to: region-b }]

Examples:
  isthmus policy apply -f deny.yaml --dry-run
  isthmus policy apply -f - < deny.yaml`;

function applyCommand(policy: Command, world: World): void {
  withChangeFlags(
    policy
      .command('apply')
      .description('store the policies of a YAML file')
      .requiredOption('-f, --file <file>', 'a file, or - for standard input'),
  )
    .addHelpText('after', applyHelp)
    .action(async ({ file, ...options }: ChangeOptions & { file: string }, command: Command) => {
      const documents = readPolicies(await textOf(file, world));
      if (!documents.ok)
        throw new CliError(exit.usage, `${file === '-' ? 'standard input' : file}: ${documents.error}`);
      const at = invocation(command, world);
      const results = await apply(at, documents.value, options);
      at.show(
        results.map(({ result }) => result),
        () =>
          results
            .map(({ label, result }) =>
              changeText(
                { todo: `apply ${label}`, done: `${label} applied`, object: label },
                result,
                options,
              ),
            )
            .join('\n'),
      );
    });
}

/** Far above what people write, and parsed within seconds. */
const maxPolicyBytes = 1024 * 1024;

async function textOf(file: string, world: World): Promise<string> {
  try {
    if (file !== '-') return readText(file, maxPolicyBytes);
    const text = await textWithin(world.input(), maxPolicyBytes);
    if (text !== undefined) return text;
    throw new Error(
      `standard input has more than ${maxPolicyBytes} bytes, the limit for it: split it into several files`,
    );
  } catch (error) {
    throw new CliError(exit.usage, `--file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Applied {
  readonly label: string;
  readonly result: Payload;
}

/** What would be refused is refused before anything is stored; what is refused all the same says what was stored. */
async function apply(
  at: Invocation,
  documents: readonly PolicyDocument[],
  options: ChangeOptions,
): Promise<readonly Applied[]> {
  const several = documents.length > 1;
  if (several && options.expectedRevision !== undefined)
    throw new CliError(exit.usage, '--expected-revision is of one object: apply a file with one policy');
  const send = async (dryRun: boolean): Promise<readonly Applied[]> => {
    const done: Applied[] = [];
    for (const document of documents) {
      const own = { ...options, dryRun, ...(several ? keyFor(document, options) : {}) };
      done.push({ label: document.label, result: await applyOne(at, document, own, done) });
    }
    return done;
  };
  if (several || options.dryRun) {
    const checked = await send(true);
    if (options.dryRun) return checked;
  }
  return send(false);
}

/** A key stands for one input: each document of a file has one of its own. */
const keyFor = ({ label }: PolicyDocument, { idempotencyKey }: ChangeOptions): ChangeOptions =>
  idempotencyKey === undefined ? {} : { idempotencyKey: `${idempotencyKey}/${label.replace(' ', '/')}` };

async function applyOne(
  { endpoint }: Invocation,
  { label, query, input }: PolicyDocument,
  options: ChangeOptions,
  before: readonly Applied[],
): Promise<Payload> {
  try {
    return await change(endpoint, query, input, options);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const stored = options.dryRun ? [] : before.map((one) => one.label);
    const rest = stored.length === 0 ? 'nothing was applied' : `applied before it: ${stored.join(', ')}`;
    throw new CliError(error.status, `${label}: ${inTermsOfTheFile(error.message)}\n${rest}`);
  }
}

/** The API's path of a field as the file has it. */
const inTermsOfTheFile = (message: string): string =>
  message.replaceAll('policy.access.name', 'metadata.name').replaceAll('policy.access.', 'spec.');
