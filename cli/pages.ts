import { askLists } from './api.ts';
import type { Endpoint } from './endpoint.ts';
import { CliError, exit } from './exit.ts';

interface Connection<N> {
  readonly nodes: readonly N[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** A list of the API. */
export interface Listing {
  /** The query's name. */
  readonly field: string;
  /** What is read of each node. */
  readonly nodes: string;
  /** Arguments beside those of paging: the GraphQL type and the value of each. */
  readonly arguments?: Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;
}

const mostPages = 1000;

/** Every node of a list, however many pages it has. */
export async function all<N>(
  endpoint: Endpoint,
  { field, nodes, arguments: own = {} }: Listing,
): Promise<readonly N[]> {
  const declared = Object.entries(own).map(([name, { type }]) => `, $${name}: ${type}`);
  const passed = Object.keys(own).map((name) => `, ${name}: $${name}`);
  const query = `query($after: String${declared.join('')}) { list: ${field}(first: 100, after: $after${passed.join('')}) { nodes { ${nodes} } pageInfo { hasNextPage endCursor } } }`;
  const values = Object.fromEntries(Object.entries(own).map(([name, { value }]) => [name, value]));
  const found: N[] = [];
  let after: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const { list }: { list: Connection<N> } = await askLists(endpoint, query, { ...values, after });
    found.push(...list.nodes);
    if (!list.pageInfo.hasNextPage) return found;
    after = list.pageInfo.endCursor;
  }
  throw new CliError(
    exit.failed,
    `${field} has more than ${mostPages} pages of 100: narrow it, e.g. with --namespace`,
  );
}
