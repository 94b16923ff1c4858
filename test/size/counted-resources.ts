import type { Produced, ProducedResources } from '@isthmus/mesh/delta/produced.ts';

/** Resources that count how often one of them is looked at, and how many are encoded. */
export class CountedResources implements ProducedResources {
  readonly #held = new Map<string, Produced>();
  visits = 0;
  encoded = 0;

  put(name: string, version: string, body: Uint8Array): void {
    const encode = () => {
      this.encoded++;
      return body;
    };
    this.#held.set(name, { version, body: encode });
  }

  get(name: string): Produced | undefined {
    this.visits++;
    return this.#held.get(name);
  }

  *keys(): Iterable<string> {
    for (const name of this.#held.keys()) {
      this.visits++;
      yield name;
    }
  }
}
