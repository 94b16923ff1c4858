import type { Endpoint } from './endpoint.ts';
import { CliError, exit, statusOf } from './exit.ts';
import { post } from './post.ts';
import { plain } from './print.ts';

interface ApiError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string };
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly ApiError[];
}

/** One GraphQL operation. Ends the command with a meaningful status when there is no answer or a refusal. */
export async function ask<T>(endpoint: Endpoint, query: string, variables: object = {}): Promise<T> {
  const { data, errors, status } = await answered<T>(endpoint, query, variables);
  if (errors.length > 0) throw refused(errors, status);
  if (!data) throw new CliError(exit.failed, `${endpoint.url} answered nothing`);
  return data;
}

/**
 * A query of lists: records that the hub could not show are left out, at any depth, and `endpoint.note` names each.
 * Ends the command as `ask` does when nothing is left.
 */
export async function askLists<T>(endpoint: Endpoint, query: string, variables: object): Promise<T> {
  const { data, errors, status } = await answered<T>(endpoint, query, variables);
  if (!data) throw refused(errors, status);
  for (const { message, path = [] } of errors)
    endpoint.note?.(
      `a record is left out, as the hub cannot show it: ${plain(`${path.join('.')}: ${message}`)}\n`,
    );
  return withoutGaps(data);
}

/** Without the nulls in its arrays, which stand for records that could not be shown. */
function withoutGaps<T>(value: T): T {
  if (Array.isArray(value)) return value.filter((one) => one !== null).map(withoutGaps) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutGaps(one as unknown)]),
  ) as T;
}

interface Answered<T> {
  readonly data: T | null | undefined;
  readonly errors: readonly ApiError[];
  readonly status: number;
}

async function answered<T>(endpoint: Endpoint, query: string, variables: object): Promise<Answered<T>> {
  const { status, text } = await post(endpoint, JSON.stringify({ query, variables }));
  const answer = parse<T>(text);
  if (!answer)
    throw new CliError(
      exit.unreachable,
      `${endpoint.url} answered ${status} and no GraphQL: is it a hub’s address, with /graphql at its end?`,
    );
  return { data: answer.data, errors: answer.errors ?? [], status };
}

function parse<T>(text: string): Answer<T> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** GraphQL itself refuses an input with 400 and no code. */
function refused(errors: readonly ApiError[], httpStatus: number): CliError {
  const code = errors[0]?.extensions?.code;
  const status = code === undefined && httpStatus === 400 ? exit.usage : statusOf(code);
  const remedy = status === exit.denied ? '; check --token-file, ISTHMUS_TOKEN_FILE or ISTHMUS_TOKEN' : '';
  const said = errors.map(({ message, extensions }) =>
    plain(extensions?.code === undefined ? readable(message) : `${extensions.code}: ${readable(message)}`),
  );
  return new CliError(status, said.join('\n') + remedy);
}

/** The field and what is wrong with it, without the whole value around it. */
const readable = (message: string): string =>
  message.replace(/^Variable "\$\w+" got invalid value .* at "input\.?([^"]*)"; /s, '$1: ');
