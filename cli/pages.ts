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

/** The beginning of a list. */
interface Part<N> {
  readonly nodes: readonly N[];
  readonly more: boolean;
}

const maxPages = 1000;
/** The most that the API gives at once. */
const pageSize = 100;

/** Every node of a list, however many pages it has. */
export async function all<N>(endpoint: Endpoint, listing: Listing): Promise<readonly N[]> {
  const { nodes, more } = await firstOf<N>(endpoint, listing, maxPages * pageSize);
  if (!more) return nodes;
  throw new CliError(
    exit.failed,
    `${listing.field} has more than ${maxPages} pages of ${pageSize}: narrow it, e.g. with --namespace`,
  );
}

/** The first nodes of a list, at most so many, and whether there are more. */
export async function firstOf<N>(
  endpoint: Endpoint,
  { field, nodes, arguments: own = {} }: Listing,
  max: number,
): Promise<Part<N>> {
  const declared = Object.entries(own).map(([name, { type }]) => `, $${name}: ${type}`);
  const passed = Object.keys(own).map((name) => `, ${name}: $${name}`);
  const query = `query($first: Int!, $after: String${declared.join('')}) { list: ${field}(first: $first, after: $after${passed.join('')}) { nodes { ${nodes} } pageInfo { hasNextPage endCursor } } }`;
  const values = Object.fromEntries(Object.entries(own).map(([name, { value }]) => [name, value]));
  const found: N[] = [];
  let after: string | null = null;
  // Pages are counted too: records that cannot be shown are left out of them.
  for (let left = max; left > 0; left -= pageSize) {
    const first = Math.min(left, pageSize);
    const { list }: { list: Connection<N> } = await askLists(endpoint, query, { ...values, first, after });
    found.push(...list.nodes);
    if (!list.pageInfo.hasNextPage) return { nodes: found, more: false };
    after = list.pageInfo.endCursor;
  }
  return { nodes: found, more: true };
}
