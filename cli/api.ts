import type { Endpoint } from './endpoint.ts';
import { CliError, exit, statusOf } from './exit.ts';

interface ApiError {
  readonly message: string;
  readonly extensions?: { readonly code?: string };
}

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly ApiError[];
}

const patienceSeconds = 15;

/** One GraphQL operation. Ends the command with a meaningful status when there is no answer or a refusal. */
export async function ask<T>(endpoint: Endpoint, query: string, variables: object = {}): Promise<T> {
  const { status, text } = await post(endpoint, JSON.stringify({ query, variables }));
  const answer = parse<T>(text);
  if (!answer)
    throw new CliError(
      exit.unreachable,
      `${endpoint.url} answered ${status} and no GraphQL: is it a hub’s address, with /graphql at its end?`,
    );
  const { errors = [], data } = answer;
  if (errors.length > 0) throw refused(errors, status);
  if (!data) throw new CliError(exit.failed, `${endpoint.url} answered nothing`);
  return data;
}

async function post({ url, token }: Endpoint, body: string): Promise<{ status: number; text: string }> {
  if (!URL.canParse(url))
    throw new CliError(exit.usage, `'${url}' is no URL: give one such as http://127.0.0.1:8080/graphql`);
  // fetch would quote what it cannot send, and nothing may print a token.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CliError(exit.usage, 'the token is empty or not one word: check --token-file or ISTHMUS_TOKEN');
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
      signal: AbortSignal.timeout(patienceSeconds * 1000),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new CliError(
      exit.unreachable,
      `no answer from ${url}: ${why(error)}; is the hub running there? --endpoint names another`,
    );
  }
}

function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `none within ${patienceSeconds} s`;
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
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
  const remedy = status === exit.denied ? '; check --token-file or ISTHMUS_TOKEN' : '';
  const said = errors.map(({ message, extensions }) =>
    extensions?.code === undefined ? readable(message) : `${extensions.code}: ${readable(message)}`,
  );
  return new CliError(status, said.join('\n') + remedy);
}

/** The field and what is wrong with it, without the whole value around it. */
const readable = (message: string): string =>
  message.replace(/^Variable "\$\w+" got invalid value .* at "input\.?([^"]*)"; /s, '$1: ');
