import type { Endpoint } from './endpoint.ts';
import { CliError, exit, statusOf } from './exit.ts';

interface Answer<T> {
  readonly data?: T | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** One GraphQL operation. Ends the command with a meaningful status when there is no answer or a refusal. */
export async function ask<T>({ url, token }: Endpoint, query: string, variables: object = {}): Promise<T> {
  let answer: Answer<T>;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(15_000),
    });
    answer = (await response.json()) as Answer<T>;
  } catch (error) {
    throw new CliError(
      exit.unreachable,
      `no answer from ${url}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const [first] = answer.errors ?? [];
  if (first) throw new CliError(statusOf(first.extensions?.code), first.message);
  if (!answer.data) throw new CliError(exit.failed, `${url} answered nothing`);
  return answer.data;
}

export interface Payload {
  readonly userErrors: readonly {
    readonly code: string;
    readonly field: readonly string[];
    readonly message: string;
  }[];
  readonly warnings: readonly string[];
  readonly revision?: number | null;
}

/** A mutation whose field is aliased `result`; a refusal ends the command with the field and what to do. */
export async function mutate<T extends Payload>(
  endpoint: Endpoint,
  query: string,
  input: object,
): Promise<T> {
  const { result } = await ask<{ result: T }>(endpoint, query, { input });
  const [first] = result.userErrors;
  if (first)
    throw new CliError(
      statusOf(first.code),
      result.userErrors
        .map(
          ({ code, field, message }) => `${code}${field.length > 0 ? ` ${field.join('.')}` : ''}: ${message}`,
        )
        .join('\n'),
    );
  return result;
}
