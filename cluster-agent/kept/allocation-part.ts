import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** One ConfigMap of allocations: service key to address. */
export interface AllocationPart {
  /** Undefined: it is not there yet. */
  readonly resourceVersion: string | undefined;
  readonly entries: ReadonlyMap<string, string>;
}

/** Most bytes of the JSON text of a part. An object of the API has at most 1 MiB in etcd by default, this is half. */
export const maxPartBytes = 500 * 1024;
/** So many parts at most: about fifty thousand services that are only in other clusters. */
export const maxParts = 8;

export const partName = (number: number): string => `isthmus-allocations-${number}`;

/** The key of the text within a ConfigMap. */
const key = 'addresses.json';

const shape = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});
const addresses = z.record(z.string(), z.string());

/** What a manual edit has made unreadable counts as empty: `damage` says so, and the services get addresses again. */
export function readPart(
  object: unknown,
): Result<{ readonly part: AllocationPart; readonly damage: string | undefined }, string> {
  const read = shape.safeParse(object);
  if (!read.success) return err('it is no ConfigMap');
  const { metadata, data } = read.data;
  const entries = entriesIn(data?.[key] ?? '{}');
  const part = { resourceVersion: metadata.resourceVersion, entries: entries ?? new Map<string, string>() };
  return ok({ part, damage: entries ? undefined : `${key} is not an object of service keys and addresses` });
}

function entriesIn(text: string): ReadonlyMap<string, string> | undefined {
  try {
    return new Map(Object.entries(addresses.parse(JSON.parse(text))));
  } catch {
    return undefined;
  }
}

const textOf = (entries: ReadonlyMap<string, string>): string => JSON.stringify(Object.fromEntries(entries));

/** What an entry adds to the text of a part, with its separators. */
export const bytesOf = (service: string, address: string): number =>
  Buffer.byteLength(JSON.stringify(service)) + Buffer.byteLength(JSON.stringify(address)) + 2;

export const partObject = (
  namespace: string,
  number: number,
  { resourceVersion, entries }: AllocationPart,
): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: partName(number),
    namespace,
    labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' },
    ...(resourceVersion !== undefined && { resourceVersion }),
  },
  data: { [key]: textOf(entries) },
});
