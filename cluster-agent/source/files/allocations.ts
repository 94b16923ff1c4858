import { inBlock } from '@isthmus/mesh/net/cidr.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { StateFile } from '../../state-file.ts';

type Kind = keyof typeof ranges;

/** Kind to owner to address. */
type Saved = Readonly<Record<Kind, Readonly<Record<string, string>>>>;

/** Third octets within the cluster's block, counted from its first, and how many of them a kind has. */
const ranges = { pods: [1, 1], apps: [2, 1], vips: [4, 12] } as const;
const kinds = Object.keys(ranges) as readonly Kind[];

/** Whoever comes back sooner finds the old address again, and nobody is met at an address that was another's. */
const graceMillis = 10 * 60_000;
/** What is allocated in one go is written once. */
const saveMillis = 20;
const retryMillis = 5000;

interface Deps {
  readonly file: Pick<StateFile, 'read' | 'write'>;
  /** A /20 such as 127.64.16.0/20. */
  readonly block: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Addresses out of the cluster's block, for what the manifests leave open: each owner keeps its address over
 * restarts, as long as its cluster's state is kept, and for a while after it has gone.
 */
export class Allocations {
  readonly #deps: Deps;
  readonly #base: readonly [number, number, number];
  readonly #held: Readonly<Record<Kind, Map<string, string>>>;
  /** Address to its owner, allocated or as a manifest has it. */
  readonly #owners = new Map<string, string>();
  readonly #refused = new Set<string>();
  /** `<kind> <owner>` to when it was first found gone. */
  readonly #gone = new Map<string, number>();
  #saving: Timer | undefined;

  /** Throws BAD_BLOCK. */
  constructor(deps: Deps) {
    const [, a, b, c, prefix] = /^(\d+)\.(\d+)\.(\d+)\.0\/(\d+)$/.exec(deps.block) ?? [];
    if (prefix !== '20' || Number(c) % 16 !== 0)
      throw new CodedError('BAD_BLOCK', `--addresses ${deps.block}: give a /20, such as 127.64.16.0/20`);
    this.#deps = deps;
    this.#base = [Number(a), Number(b), Number(c)];
    const saved = deps.file.read(isSaved);
    const block = { address: [a, b, c, 0].join('.'), prefix: 20 };
    this.#held = { pods: new Map(), apps: new Map(), vips: new Map() };
    for (const kind of kinds)
      for (const [owner, address] of Object.entries(saved?.[kind] ?? {}))
        if (inBlock(address, block) && !this.#owners.has(address)) this.#set(kind, owner, address);
  }

  /** Owners that found no address left: the cluster needs a larger block. */
  get refused(): ReadonlySet<string> {
    return this.#refused;
  }

  /** The address of an owner, allocated now if it has none. */
  get(kind: Kind, owner: string): Result<string, string> {
    const known = this.#held[kind].get(owner);
    if (known !== undefined) return ok(known);
    const address = this.#free(kind);
    if (address === undefined) {
      this.#refused.add(ownerOf(kind, owner));
      return err(`no address is left for it in ${this.#deps.block}: give the cluster a block of its own`);
    }
    this.#refused.delete(ownerOf(kind, owner));
    this.#set(kind, owner, address);
    this.#saveSoon(saveMillis);
    return ok(address);
  }

  /**
   * An address that a manifest gives its owner: nobody else gets it. The error names who has it already. Applications
   * may share one, as they differ in their ports, and use their own pod's, where nothing of ours captures it.
   */
  reserve(kind: Kind, owner: string, address: string): Result<string, string> {
    const wanted = ownerOf(kind, owner);
    const other = this.#owners.get(address) ?? wanted;
    const shared = kind === 'apps' && (other.startsWith('apps ') || other === ownerOf('pods', owner));
    if (other !== wanted && !shared) return err(`${address} is the address of ${other} already`);
    if (!shared) this.#owners.set(address, wanted);
    return ok(address);
  }

  /** The manifest gives it no more. */
  unreserve(kind: Kind, owner: string): void {
    const held = this.#held[kind].get(owner);
    for (const [address, by] of this.#owners)
      if (by === ownerOf(kind, owner) && address !== held) this.#owners.delete(address);
  }

  /** Frees the addresses of owners that have been gone for ten minutes. */
  release(isThere: (kind: Kind, owner: string) => boolean): void {
    const now = this.#deps.clock.monotonic();
    for (const kind of kinds)
      for (const [owner, address] of [...this.#held[kind]]) {
        const key = ownerOf(kind, owner);
        const since = this.#gone.get(key) ?? now;
        if (isThere(kind, owner)) this.#gone.delete(key);
        else if (now - since < graceMillis) this.#gone.set(key, since);
        else {
          this.#held[kind].delete(owner);
          this.#owners.delete(address);
          this.#gone.delete(key);
          this.#saveSoon(saveMillis);
        }
      }
    for (const key of this.#refused) {
      const [kind = '', owner = ''] = key.split(' ');
      if (!isThere(kind as Kind, owner)) this.#refused.delete(key);
    }
  }

  #set(kind: Kind, owner: string, address: string): void {
    this.#held[kind].set(owner, address);
    this.#owners.set(address, ownerOf(kind, owner));
  }

  #free(kind: Kind): string | undefined {
    const [first, count] = ranges[kind];
    const [a, b, c] = this.#base;
    for (let third = c + first; third < c + first + count; third++)
      for (let fourth = 2; fourth < 250; fourth++) {
        const address = `${a}.${b}.${third}.${fourth}`;
        if (!this.#owners.has(address)) return address;
      }
    return undefined;
  }

  #saveSoon(delay: number): void {
    this.#saving ??= this.#deps.clock.after(delay, () => {
      this.#saving = undefined;
      this.#save();
    });
  }

  #save(): void {
    const saved = Object.fromEntries(kinds.map((kind) => [kind, Object.fromEntries(this.#held[kind])]));
    try {
      this.#deps.file.write(saved);
    } catch (error) {
      this.#deps.log.error(
        { error: String(error) },
        'allocated addresses are not saved; it will be tried again',
      );
      this.#saveSoon(retryMillis);
    }
  }
}

const ownerOf = (kind: Kind, owner: string): string => `${kind} ${owner}`;

const isSaved = (value: unknown): value is Saved =>
  typeof value === 'object' &&
  value !== null &&
  kinds.every((kind) => {
    const held = (value as Partial<Record<Kind, unknown>>)[kind];
    return (
      typeof held === 'object' && held !== null && Object.values(held).every((one) => typeof one === 'string')
    );
  });
