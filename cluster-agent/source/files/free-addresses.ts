/** Where the addresses of one kind lie in a cluster's block. */
export interface AddressRange {
  /** The first three octets of the block's first address. */
  readonly base: readonly [number, number, number];
  /** Third octets, counted from the block's first, and how many of them. */
  readonly first: number;
  readonly count: number;
}

/** Fourth octets: neither the first two, which are kept for the block itself, nor the last few. */
const [lowest, perOctet] = [2, 248] as const;

/**
 * Hands out the addresses of a range, each in O(1) also when none is left: those that nobody has had first, then what has
 * been free for longest. Some are taken otherwise, as a manifest gives them: they are passed over.
 */
export class FreeAddresses {
  readonly #range: AddressRange;
  /** All below it were handed out or passed over once. */
  #cursor = 0;
  /** Of those below the cursor, what is free again. */
  readonly #returned = new Set<string>();

  constructor(range: AddressRange) {
    this.#range = range;
  }

  /** Undefined when all are taken. */
  next(isTaken: (address: string) => boolean): string | undefined {
    while (this.#cursor < this.#range.count * perOctet) {
      const address = this.#at(this.#cursor++);
      if (!isTaken(address)) return address;
    }
    for (const address of this.#returned) {
      this.#returned.delete(address);
      if (!isTaken(address)) return address;
    }
    return undefined;
  }

  /** It is free again. One of another range changes nothing. */
  give(address: string): void {
    const index = this.#indexOf(address);
    if (index !== undefined && index < this.#cursor) this.#returned.add(address);
  }

  #at(index: number): string {
    const [a, b, c] = this.#range.base;
    const third = c + this.#range.first + Math.floor(index / perOctet);
    return `${a}.${b}.${third}.${lowest + (index % perOctet)}`;
  }

  #indexOf(address: string): number | undefined {
    const [third = NaN, fourth = NaN] = address.split('.').slice(2).map(Number);
    const index = (third - this.#range.base[2] - this.#range.first) * perOctet + fourth - lowest;
    const isOne = index >= 0 && index < this.#range.count * perOctet && this.#at(index) === address;
    return isOne ? index : undefined;
  }
}
