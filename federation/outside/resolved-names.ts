import { isIP } from 'node:net';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** All addresses of a host name; rejects when it has none or nobody answers. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** How often host names are resolved: load balancers move, and their records live for a minute. */
export const resolveMillis = 30_000;

/** Addresses that are kept of a name. */
const maxAddresses = 16;

interface Deps {
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** What a name resolves to is another thing than before. */
  readonly onChange: () => void;
}

/** What host names resolve to, asked again and again while there are any. */
export class ResolvedNames {
  readonly #deps: Deps;
  /** Sorted; undefined: it has never been resolved. */
  readonly #addresses = new Map<string, readonly string[] | undefined>();
  /** Names whose last resolution failed. What they resolved to before stays. */
  readonly #failing = new Set<string>();
  /** Names that a resolver is asked for now. It may answer only after the next look, which does not ask for them again. */
  readonly #asked = new Set<string>();
  #timer: Timer | undefined;
  #isOver = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Follows these names and no others; addresses among them are passed over. */
  follow(hosts: readonly string[]): void {
    const names = hosts.filter((host) => isIP(host) === 0);
    for (const name of this.#addresses.keys())
      if (!names.includes(name)) {
        this.#addresses.delete(name);
        this.#failing.delete(name);
      }
    const isNew = names.some((name) => !this.#addresses.has(name));
    for (const name of names) if (!this.#addresses.has(name)) this.#addresses.set(name, undefined);
    if (isNew) this.#look();
    if (names.length === 0) this.#timer?.cancel();
  }

  /** What is known of a name. */
  addressesOf(name: string): readonly string[] {
    return this.#addresses.get(name) ?? [];
  }

  /** Names that cannot be resolved now. */
  get failing(): readonly string[] {
    return [...this.#failing];
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(resolveMillis, () => this.#look());
    for (const name of this.#addresses.keys()) if (!this.#asked.has(name)) void this.#resolve(name);
  }

  async #resolve(name: string): Promise<void> {
    this.#asked.add(name);
    const found = await this.#deps.resolve(name).then(
      (addresses) => [...new Set(addresses)].sort().slice(0, maxAddresses),
      () => [],
    );
    this.#asked.delete(name);
    if (this.#isOver || !this.#addresses.has(name)) return;
    const isFailing = found.length === 0;
    const before = this.#addresses.get(name);
    const isSame = isFailing || before?.join() === found.join();
    const wasFailing = this.#failing.has(name);
    if (isFailing) this.#failing.add(name);
    else {
      this.#failing.delete(name);
      this.#addresses.set(name, found);
    }
    if (!isSame || isFailing !== wasFailing) this.#deps.onChange();
  }
}
