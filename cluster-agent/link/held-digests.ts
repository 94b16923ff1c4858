import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { markOf, MarkSums, type Digests } from '@isthmus/mesh/delta/digest.ts';

/** Digests of what is held of the hub, kept up to date one name at a time: a new stream costs no hash of any name. */
export class HeldDigests {
  readonly #sums = new Map<DownType, MarkSums<string>>();

  /** What is held under a name was `before`, and is `after`; undefined: nothing. */
  replace(type: DownType, name: string, before: string | undefined, after: string | undefined): void {
    if (before === after) return;
    const sums = this.#sums.get(type) ?? new MarkSums<string>();
    this.#sums.set(type, sums);
    const group = digestGroup(type, name);
    if (before !== undefined) sums.subtract(group, markOf(name, before));
    if (after !== undefined) sums.add(group, markOf(name, after));
  }

  of(type: DownType): Digests {
    return new Map(this.#sums.get(type) ?? []);
  }

  clear(): void {
    this.#sums.clear();
  }
}
