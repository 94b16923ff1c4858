import { createHash } from 'node:crypto';
import type { ProducedResources } from './produced.ts';

/** Bytes of a digest, as it travels. */
export const digestBytes = 16;

const modulus = 1n << BigInt(8 * digestBytes);

/** The first 16 bytes of SHA-256 over name, zero and version: what one resource adds to the digest of its group. */
export function markOf(name: string, version: string): bigint {
  const hash = createHash('sha256').update(name).update('\0').update(version).digest();
  return (hash.readBigUInt64BE(0) << 64n) | hash.readBigUInt64BE(8);
}

export function writeDigest(digest: bigint): Uint8Array {
  const bytes = Buffer.alloc(digestBytes);
  bytes.writeBigUInt64BE(digest >> 64n, 0);
  bytes.writeBigUInt64BE(digest & 0xffff_ffff_ffff_ffffn, 8);
  return bytes;
}

/** Undefined when it has another length. */
export function readDigest(bytes: Uint8Array): bigint | undefined {
  if (bytes.length !== digestBytes) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return (buffer.readBigUInt64BE(0) << 64n) | buffer.readBigUInt64BE(8);
}

/**
 * Sums of marks, modulo 2^128, by a key. A key of which nothing is left is not there. A sum does not depend on the order
 * in which marks came and went.
 */
export class MarkSums<K> {
  readonly #sums = new Map<K, { readonly sum: bigint; readonly count: number }>();

  add(key: K, mark: bigint): void {
    this.#change(key, mark, 1);
  }

  subtract(key: K, mark: bigint): void {
    this.#change(key, -mark, -1);
  }

  get(key: K): bigint | undefined {
    return this.#sums.get(key)?.sum;
  }

  get size(): number {
    return this.#sums.size;
  }

  /** A copy that may be changed by itself. */
  copy(): MarkSums<K> {
    const copy = new MarkSums<K>();
    for (const [key, one] of this.#sums) copy.#sums.set(key, one);
    return copy;
  }

  /** Adds the sum of another one's key, as if each of its marks were added. */
  addAll(key: K, other: MarkSums<K>, from: K): void {
    const added = other.#sums.get(from);
    if (added) this.#change(key, added.sum, added.count);
  }

  delete(key: K): void {
    this.#sums.delete(key);
  }

  *[Symbol.iterator](): Iterator<[K, bigint]> {
    for (const [key, { sum }] of this.#sums) yield [key, sum];
  }

  #change(key: K, by: bigint, count: number): void {
    const before = this.#sums.get(key) ?? { sum: 0n, count: 0 };
    const sum = (((before.sum + by) % modulus) + modulus) % modulus;
    const left = before.count + count;
    if (left === 0) this.#sums.delete(key);
    else this.#sums.set(key, { sum, count: left });
  }
}

/** In which group a name is. Both ends of a stream go by the same rule. */
export type GroupOf = (name: string) => string;

/** By group. */
export type Digests = ReadonlyMap<string, bigint>;

/** Of names and their versions. `mark`: `markOf`, or what has kept its results. */
export function digestsOf(
  versions: Iterable<readonly [name: string, version: string]>,
  groupOf: GroupOf,
  mark: (name: string, version: string) => bigint = markOf,
): Digests {
  const sums = new MarkSums<string>();
  for (const [name, version] of versions) sums.add(groupOf(name), mark(name, version));
  return new Map(sums);
}

/** Of everything that a producer has. */
export const digestsOfProduced = (resources: ProducedResources, groupOf: GroupOf): Digests =>
  digestsOf(
    [...resources.keys()].flatMap((name) => {
      const version = resources.get(name)?.version;
      return version === undefined ? [] : [[name, version] as const];
    }),
    groupOf,
  );

/** How what a consumer holds by its digests differs from what it should hold. */
export interface GroupDifferences {
  /** Groups of which the consumer holds something else: it is to list them. */
  readonly groupsToList: ReadonlySet<string>;
  /** Groups of which it holds nothing. */
  readonly missing: ReadonlySet<string>;
}

export const differingGroups = (held: Digests, own: Digests): GroupDifferences => ({
  groupsToList: new Set([...held].flatMap(([group, digest]) => (own.get(group) === digest ? [] : [group]))),
  missing: new Set([...own.keys()].filter((group) => !held.has(group))),
});
