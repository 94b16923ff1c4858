import { inBlock } from '@isthmus/mesh/net/cidr.ts';
import { AgentError } from '../../agent-error.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { parsePodKey, type PodKey } from '../../keys/names.ts';
import type { StateFile } from '../../state/state-file.ts';
import { Sets } from '../../view/sets.ts';
import { FreeAddresses } from './free-addresses.ts';
import { VipShares, type ShareRefusal } from './vip-shares.ts';

type Kind = keyof typeof ranges;

/** Kind to owner to address. */
type Saved = Readonly<Record<Kind, Readonly<Record<string, string>>>> & {
  /** Owner of a virtual address to the cluster that it counts to; absent in what was saved before there were shares. */
  readonly shares?: Readonly<Record<string, string>>;
};

/** Third octets within the cluster's block, counted from its first, and how many of them a kind has. */
const ranges = { pods: [1, 1], apps: [2, 1], vips: [4, 12] } as const;
const kinds = Object.keys(ranges) as readonly Kind[];

/** An owner that returns sooner gets its old address again, and no owner gets an address that another had a short time ago. */
const graceMillis = 10 * 60_000;
/** What is allocated in one go is written once. */
const saveMillis = 20;
const retryMillis = 5000;

interface Deps {
  readonly file: Pick<StateFile, 'read' | 'write'>;
  /** A /20 such as 127.64.16.0/20. */
  readonly block: string;
  /** A proxy got the address of a service that it had waited for. */
  readonly onGiven?: (client: PodKey) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Addresses out of the cluster's block, for what the manifests leave open: each owner keeps its address over
 * restarts, as long as its cluster's state is kept, and for a while after it has gone.
 */
export class Allocations {
  readonly #deps: Deps;
  readonly #free: Readonly<Record<Kind, FreeAddresses>>;
  readonly #held: Readonly<Record<Kind, Map<string, string>>>;
  /** Address to its owner, allocated or as a manifest has it. */
  readonly #owners = new Map<string, string>();
  /** Owners of the virtual addresses of a service. */
  readonly #ownersOf = new Sets<string, string>();
  /** Addresses that manifests give, by their owner. */
  readonly #reserved = new Map<string, readonly string[]>();
  /** Owners that found no address left and wait for one, by their names among all. */
  readonly #waiting = new Map<string, { readonly kind: Kind; readonly owner: string }>();
  readonly #shares: VipShares;
  /** `<kind> <owner>` to when it was first found gone. */
  readonly #gone = new Map<string, number>();
  #freed = 0;
  #saving: Timer | undefined;

  /** Throws BAD_BLOCK. */
  constructor(deps: Deps) {
    const [, a, b, c, prefix] = /^(\d+)\.(\d+)\.(\d+)\.0\/(\d+)$/.exec(deps.block) ?? [];
    if (prefix !== '20' || Number(c) % 16 !== 0)
      throw new AgentError('BAD_BLOCK', `--addresses ${deps.block}: give a /20, such as 127.64.16.0/20`);
    this.#deps = deps;
    const base = [Number(a), Number(b), Number(c)] as const;
    const free = (kind: Kind) => new FreeAddresses({ base, first: ranges[kind][0], count: ranges[kind][1] });
    this.#free = { pods: free('pods'), apps: free('apps'), vips: free('vips') };
    const saved = deps.file.read(isSaved);
    const block = { address: [a, b, c, 0].join('.'), prefix: 20 };
    this.#shares = new VipShares(saved?.shares);
    this.#held = { pods: new Map(), apps: new Map(), vips: new Map() };
    for (const kind of kinds)
      for (const [owner, address] of Object.entries(saved?.[kind] ?? {}))
        if (inBlock(address, block) && !this.#owners.has(address)) this.#set(kind, owner, address);
  }

  /** Owners that found no address left. */
  get refused(): { readonly size: number } & Iterable<string> {
    return { size: this.#waiting.size, [Symbol.iterator]: () => this.#waiting.keys() };
  }

  /** How many addresses have become free since the start: who found none may find one when it is another number. */
  get freed(): number {
    return this.#freed;
  }

  /** Services of other clusters that found none, as the share of their cluster is used. */
  get shareRefusals(): readonly ShareRefusal[] {
    return this.#shares.refusals;
  }

  /**
   * Which other clusters alone have a service, in order of their names; none: no other has it, or this cluster has it too
   * (`isOwn`).
   */
  offer(service: string, clusters: readonly string[], isOwn: boolean): void {
    this.#shares.offer(service, clusters, isOwn, this.#ownersOf.get(service));
  }

  /** The address of a service at one proxy, `<namespace>/<pod>`. Of other clusters' services only so many have one. */
  vip(client: string, service: string): Result<string, string> {
    const owner = vipOwner(client, service);
    const known = this.#held.vips.get(owner);
    if (known !== undefined) return ok(known);
    if (!this.#shares.claim({ owner, service }))
      return err(`the share of its cluster in the addresses of ${this.#deps.block} is used`);
    const address = this.get('vips', owner);
    if (!address.ok) this.#shares.release(owner);
    return address;
  }

  /** Whether this is the address of a service at one proxy, `<namespace>/<pod>`. */
  isVipOf(client: string, address: string): boolean {
    const owner = this.#owners.get(address);
    if (owner === undefined) return false;
    return owner === ownerOf('vips', vipOwner(client, partsOf(owner).service));
  }

  /** The address of an owner, allocated now if it has none. */
  get(kind: Kind, owner: string): Result<string, string> {
    const known = this.#held[kind].get(owner);
    if (known !== undefined) return ok(known);
    const address = this.#free[kind].next((one) => this.#owners.has(one));
    if (address === undefined) {
      this.#waiting.set(ownerOf(kind, owner), { kind, owner });
      return err(`no address is left for it in ${this.#deps.block}: give the cluster a block of its own`);
    }
    this.#waiting.delete(ownerOf(kind, owner));
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
    if (shared) return ok(address);
    this.#owners.set(address, wanted);
    const reserved = this.#reserved.get(wanted) ?? [];
    if (!reserved.includes(address)) this.#reserved.set(wanted, [...reserved, address]);
    return ok(address);
  }

  /** The manifest gives it no more. */
  unreserve(kind: Kind, owner: string): void {
    const key = ownerOf(kind, owner);
    const held = this.#held[kind].get(owner);
    for (const address of this.#reserved.get(key) ?? []) if (address !== held) this.#giveBack(key, address);
    this.#reserved.delete(key);
  }

  /** Frees the addresses of owners that have been gone for ten minutes. Who waits for one gets it then. */
  release(isThere: (kind: Kind, owner: string) => boolean): void {
    let isFree = false;
    for (const kind of kinds)
      for (const [owner, address] of [...this.#held[kind]])
        if (isThere(kind, owner)) this.#gone.delete(ownerOf(kind, owner));
        else if (this.#isOver(ownerOf(kind, owner))) {
          this.#release(kind, owner, address);
          isFree = true;
        }
    this.#shares.forget((owner) => isThere('vips', owner));
    for (const [key, { kind, owner }] of this.#waiting) if (!isThere(kind, owner)) this.#waiting.delete(key);
    if (isFree) this.#serveWaiting();
  }

  /** Whether an owner that is gone has been gone for long enough. */
  #isOver(key: string): boolean {
    const now = this.#deps.clock.monotonic();
    const since = this.#gone.get(key) ?? now;
    this.#gone.set(key, since);
    return now - since >= graceMillis;
  }

  #release(kind: Kind, owner: string, address: string): void {
    const key = ownerOf(kind, owner);
    this.#held[kind].delete(owner);
    if (kind === 'vips') {
      this.#shares.release(owner);
      this.#ownersOf.delete(partsOf(owner).service, owner);
    }
    this.#giveBack(key, address);
    this.#gone.delete(key);
    this.#saveSoon(saveMillis);
  }

  #serveWaiting(): void {
    for (const [key, { kind, owner }] of [...this.#waiting]) {
      this.#waiting.delete(key);
      if (kind === 'vips') this.#serve(owner);
      else this.get(kind, owner);
    }
    // A cluster that gets one may have room for another.
    let isServed = true;
    while (isServed) {
      isServed = false;
      for (const owner of this.#shares.waiting()) isServed = this.#serve(owner) || isServed;
    }
  }

  #serve(owner: string): boolean {
    const { client, service } = partsOf(owner);
    const isGiven = this.vip(client, service).ok;
    const key = parsePodKey(client);
    if (isGiven && key.ok) this.#deps.onGiven?.(key.value);
    return isGiven;
  }

  #set(kind: Kind, owner: string, address: string): void {
    this.#held[kind].set(owner, address);
    if (kind === 'vips') this.#ownersOf.add(partsOf(owner).service, owner);
    this.#owners.set(address, ownerOf(kind, owner));
  }

  #giveBack(key: string, address: string): void {
    if (this.#owners.get(address) !== key) return;
    this.#owners.delete(address);
    this.#freed++;
    for (const kind of kinds) this.#free[kind].give(address);
  }

  #saveSoon(delay: number): void {
    this.#saving ??= this.#deps.clock.after(delay, () => {
      this.#saving = undefined;
      this.#save();
    });
  }

  #save(): void {
    const held = Object.fromEntries(kinds.map((kind) => [kind, Object.fromEntries(this.#held[kind])]));
    const saved = { ...held, shares: this.#shares.saved() };
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

const vipOwner = (client: string, service: string): string => `${client}|${service}`;

/** Owners are saved as text: neither part has a `|`. */
function partsOf(owner: string): { readonly client: string; readonly service: string } {
  const at = owner.indexOf('|');
  return { client: owner.slice(0, at), service: owner.slice(at + 1) };
}

const ownerOf = (kind: Kind, owner: string): string => `${kind} ${owner}`;

const isSaved = (value: unknown): value is Saved => {
  if (typeof value !== 'object' || value === null) return false;
  const parts = value as Partial<Record<Kind | 'shares', unknown>>;
  return (
    kinds.every((kind) => areTexts(parts[kind])) && (parts.shares === undefined || areTexts(parts.shares))
  );
};

const areTexts = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string');
