import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

interface Saved {
  readonly pods: Record<string, string>;
  readonly apps: Record<string, string>;
  readonly vips: Record<string, string>;
}

/** Third octets within the cluster's block, counted from its first, and how many of them a kind has. */
const ranges = { pods: [1, 1], apps: [2, 1], vips: [4, 12] } as const;

/**
 * Addresses out of the cluster's block, for what the manifests leave open: each owner keeps its address over
 * restarts, as long as its cluster's state is kept.
 */
export class Allocations {
  readonly #path: string;
  readonly #base: readonly [number, number, number];
  readonly #saved: Saved;
  readonly #used = new Set<string>();

  /** `block` is a /20 such as 127.64.16.0/20. Throws BAD_BLOCK. */
  constructor(path: string, block: string) {
    const [, a, b, c, prefix] = /^(\d+)\.(\d+)\.(\d+)\.0\/(\d+)$/.exec(block) ?? [];
    if (prefix !== '20' || Number(c) % 16 !== 0)
      throw new CodedError('BAD_BLOCK', `--addresses ${block}: give a /20, such as 127.64.16.0/20`);
    this.#path = path;
    this.#base = [Number(a), Number(b), Number(c)];
    this.#saved = existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as Saved)
      : { pods: {}, apps: {}, vips: {} };
    for (const kind of Object.values(this.#saved))
      for (const address of Object.values(kind as Record<string, string>)) this.#used.add(address);
  }

  /** The address of an owner, allocated now if it has none. Throws BLOCK_FULL. */
  get(kind: keyof typeof ranges, owner: string): string {
    const known = this.#saved[kind][owner];
    if (known !== undefined) return known;
    const address = this.#free(kind);
    this.#saved[kind][owner] = address;
    this.#used.add(address);
    this.#save();
    return address;
  }

  #free(kind: keyof typeof ranges): string {
    const [first, count] = ranges[kind];
    const [a, b, c] = this.#base;
    for (let third = c + first; third < c + first + count; third++)
      for (let fourth = 2; fourth < 250; fourth++) {
        const address = `${a}.${b}.${third}.${fourth}`;
        if (!this.#used.has(address)) return address;
      }
    throw new CodedError(
      'BLOCK_FULL',
      `no free address for ${kind}: give the cluster a block of its own that is larger`,
    );
  }

  #save(): void {
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.#saved), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }
}
