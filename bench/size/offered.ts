import { contentVersion } from '@isthmus/api/wire/binary.ts';
import type { Produced, ProducedType } from '@isthmus/mesh/delta/produced.ts';

/**
 * What a simulated control plane has, by type and name. A change costs what changed, so that the time until its peer has
 * it is the peer's.
 */
export class Offered {
  readonly #types = new Map<string, Map<string, Produced>>();
  readonly #hearers = new Set<(type: string, names: readonly string[]) => void>();
  #revision = 0n;

  put(type: string, name: string, body: Uint8Array): void {
    this.#of(type).set(name, { version: contentVersion(body), body });
    this.#revision++;
    for (const hear of this.#hearers) hear(type, [name]);
  }

  /** As `ServerSession` asks. */
  lookup(type: string): ProducedType {
    return {
      resources: this.#of(type),
      systemVersion: { epoch: 1n, revision: this.#revision },
      complete: true,
    };
  }

  /** Gives what takes the hearer away. */
  onChange(hear: (type: string, names: readonly string[]) => void): () => void {
    this.#hearers.add(hear);
    return () => void this.#hearers.delete(hear);
  }

  #of(type: string): Map<string, Produced> {
    const held = this.#types.get(type) ?? new Map<string, Produced>();
    this.#types.set(type, held);
    return held;
  }
}
