import type { Command } from 'commander';
import { ask } from './api.ts';
import { nonEmpty, wholeNumber } from './arguments.ts';
import { confirm } from './confirm.ts';
import type { Endpoint } from './endpoint.ts';
import { CliError, statusOf } from './exit.ts';
import { lines, plain } from './print.ts';
import type { Invocation } from './run.ts';

/** Flags that every mutation has. */
export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly expectedRevision?: number;
  readonly idempotencyKey?: string;
  readonly yes?: boolean;
}

const maxInt = 2 ** 31 - 1;

export const withChangeFlags = (command: Command): Command =>
  command
    .option('--dry-run', 'print the consequences without changing anything')
    .option('--reason <text>', 'reason for the audit log')
    .option(
      '--expected-revision <n>',
      'refuse when the object is at another revision; 0: it must not exist',
      wholeNumber(0, maxInt),
    )
    .option(
      '--idempotency-key <key>',
      'a repeat with the same key returns the first answer and changes nothing',
      nonEmpty,
    );

/** The same, and --yes, for changes that move traffic. */
export const withConsentFlags = (command: Command): Command =>
  withChangeFlags(command).option('--yes', 'do not ask');

/** The fields of a mutation's input that come from those flags. */
const commonInput = ({ dryRun, reason, expectedRevision, idempotencyKey }: ChangeOptions): object => ({
  dryRun: dryRun ?? false,
  reason: reason ?? '',
  idempotencyKey: idempotencyKey ?? '',
  ...(expectedRevision === undefined ? {} : { expectedRevision }),
});

interface ApiWarning {
  readonly code: string;
  readonly field: readonly string[];
  readonly message: string;
}

export interface Payload {
  readonly userErrors: readonly {
    readonly code: string;
    readonly field: readonly string[];
    readonly message: string;
  }[];
  readonly warnings: readonly ApiWarning[];
  readonly revision: number | null;
  readonly dryRun: boolean;
  readonly unchanged: boolean;
  readonly operation?: {
    readonly operationId: string;
    readonly state: string;
    readonly message: string;
  } | null;
}

/** What is read of work that takes a while. */
export const operationFields = 'operation { operationId state message clusters appliedBy }';

/** A mutation as GraphQL text; `own` are the fields of its payload beside those that all have. */
export const mutation = (field: string, inputType: string, own = ''): string =>
  `mutation($input: ${inputType}!) { result: ${field}(input: $input) { ${own} warnings { code field message } revision dryRun unchanged userErrors { code field message } } }`;

/** Sends one mutation. A refusal ends the command with the field and what to do. */
export async function change<T extends Payload>(
  endpoint: Endpoint,
  query: string,
  input: object,
  options: ChangeOptions,
): Promise<T> {
  const { result } = await ask<{ result: T }>(endpoint, query, {
    input: { ...input, ...commonInput(options) },
  });
  const [first] = result.userErrors;
  if (!first) return result;
  const errors = result.userErrors.map(({ code, field, message }) =>
    plain(`${code}${field.length > 0 ? ` ${field.join('.')}` : ''}: ${message}`),
  );
  throw new CliError(statusOf(first.code), errors.join('\n'));
}

/** The same for changes that move traffic: without --yes the dry run's warnings are shown and confirmation is required. */
export async function changeWithConsent<T extends Payload>(
  { endpoint, world }: Invocation,
  what: string,
  query: string,
  input: object,
  options: ChangeOptions,
): Promise<T> {
  if (!options.dryRun && !options.yes)
    await confirm(world, what, async () => {
      const { warnings } = await change(endpoint, query, input, { ...options, dryRun: true });
      return warnings.map(warningText);
    });
  return change(endpoint, query, input, options);
}

export const warningText = ({ message }: ApiWarning): string => `warning: ${plain(message)}`;

/** The texts of one change, before and after it. */
export interface ChangeTexts {
  /** `drain east by 30%` */
  readonly todo: string;
  /** `east drained by 30%` */
  readonly done: string;
  /** What it is about, for when it was so already: `the drain of east`. */
  readonly object: string;
}

/** The text of a change: its outcome, its warnings, and the progress of its operation. */
export function changeText(texts: ChangeTexts, payload: Payload, { dryRun }: ChangeOptions): string {
  const { warnings, operation } = payload;
  const progress =
    operation && !dryRun
      ? `  ${plain(`operation ${operation.operationId} is ${operation.state}${operation.message === '' ? '' : `: ${operation.message}`}`)}`
      : undefined;
  return lines(
    outcome(texts, payload, dryRun ?? false),
    ...warnings.map((one) => `  ${warningText(one)}`),
    progress,
  );
}

function outcome({ todo, done, object }: ChangeTexts, { unchanged }: Payload, dryRun: boolean): string {
  if (unchanged) return dryRun ? `dry run: ${object} would be unchanged` : `${object} unchanged`;
  return dryRun ? `dry run: would ${todo}` : done;
}
