type Entries = ReadonlyMap<string, string>;

const none: Entries = new Map();

/**
 * Addresses by service out of all parts. Of two services with one address, and of two addresses of one service, the first
 * counts: that of the lower part.
 */
export class AllocationIndex {
  readonly #parts: Entries[] = [];
  readonly #addresses = new Map<string, string>();
  readonly #owners = new Map<string, string>();
  /** Whether an entry does not count, as an earlier one does: only a manual edit, or two replicas at a time, make one. */
  #hasUncounted = false;

  get(service: string): string | undefined {
    return this.#addresses.get(service);
  }

  services(): Iterable<string> {
    return this.#addresses.keys();
  }

  isTaken(address: string): boolean {
    return this.#owners.has(address);
  }

  /** Gives the services that have another address now, or none. Costs the part, not the others, unless entries collide. */
  replace(number: number, entries: Entries): readonly string[] {
    const before = this.#parts[number] ?? none;
    this.#parts[number] = entries;
    const left = [...before].filter(([service, address]) => entries.get(service) !== address);
    const come = [...entries].filter(([service, address]) => before.get(service) !== address);
    if (this.#hasUncounted || this.#collide(left, come)) return this.#again();
    for (const [service, address] of left) {
      this.#addresses.delete(service);
      this.#owners.delete(address);
    }
    for (const [service, address] of come) this.#put(service, address);
    return [...new Set([...left, ...come].map(([service]) => service))];
  }

  #collide(
    left: readonly (readonly [string, string])[],
    come: readonly (readonly [string, string])[],
  ): boolean {
    const leaving = new Set(left.map(([service]) => service));
    const isHeld = (service: string | undefined) =>
      service !== undefined && this.#addresses.has(service) && !leaving.has(service);
    return (
      new Set(come.map(([, address]) => address)).size < come.length ||
      come.some(([service, address]) => isHeld(service) || isHeld(this.#owners.get(address)))
    );
  }

  #put(service: string, address: string): void {
    this.#addresses.set(service, address);
    this.#owners.set(address, service);
  }

  #again(): readonly string[] {
    const before = new Map(this.#addresses);
    this.#addresses.clear();
    this.#owners.clear();
    this.#hasUncounted = false;
    for (let number = 0; number < this.#parts.length; number++)
      for (const [service, address] of this.#parts[number] ?? none)
        if (this.#owners.has(address) || this.#addresses.has(service)) this.#hasUncounted = true;
        else this.#put(service, address);
    const services = new Set([...before.keys(), ...this.#addresses.keys()]);
    return [...services].filter((service) => before.get(service) !== this.#addresses.get(service));
  }
}
