import { readFileSync } from 'node:fs';
import { SandboxError } from '../sandbox-error.ts';

/** Where a hub's GraphQL API is and who may speak to it, as its `endpoint.json` says. */
export interface Endpoint {
  readonly url: string;
  readonly tokenFile: string;
}

/** One GraphQL operation. Throws API_ERROR with the server's sentences when it answers errors. */
export async function ask<T>(endpoint: Endpoint, query: string, variables: object = {}): Promise<T> {
  const response = await fetch(endpoint.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${readFileSync(endpoint.tokenFile, 'utf8').trim()}`,
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as { data?: T; errors?: { message: string }[] };
  if (answer.errors || answer.data === undefined)
    throw new SandboxError('API_ERROR', answer.errors?.map(({ message }) => message).join('; ') ?? 'no data');
  return answer.data;
}

interface Mutated {
  readonly userErrors: readonly { code: string; field: readonly string[]; message: string }[];
}

/** One mutation named in `query` by the alias `result`. Throws USER_ERROR when it was refused. */
export async function mutate<T extends Mutated>(
  endpoint: Endpoint,
  query: string,
  input: object,
): Promise<T> {
  const { result } = await ask<{ result: T }>(endpoint, query, { input });
  if (result.userErrors.length > 0)
    throw new SandboxError(
      'USER_ERROR',
      result.userErrors.map(({ code, message }) => `${code}: ${message}`).join('; '),
    );
  return result;
}

/** Cluster name to its state, by the API. */
export async function clusterStates(endpoint: Endpoint): Promise<Readonly<Record<string, string>>> {
  const { clusters } = await ask<{ clusters: { nodes: { name: string; state: string }[] } }>(
    endpoint,
    '{ clusters(first: 10) { nodes { name state } } }',
  );
  return Object.fromEntries(clusters.nodes.map(({ name, state }) => [name, state]));
}

/** Whether a cluster is a member, by the API; undefined when it is not known. */
export async function admissionOf(endpoint: Endpoint, name: string): Promise<string | undefined> {
  const { cluster } = await ask<{ cluster: { admission: string } | null }>(
    endpoint,
    'query($name: String!) { cluster(name: $name) { admission } }',
    { name },
  );
  return cluster?.admission;
}
