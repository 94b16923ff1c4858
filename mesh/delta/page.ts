import type { Produced } from './produced.ts';
import type { Resource } from './messages.ts';

/** Bytes of names and bodies in one response. */
export interface PageSizes {
  /** What fits into a message. A resource that is larger alone is never sent. */
  readonly max: number;
  /** Of what is not urgent there is at most so much in a page, or one resource where nothing else is in it. */
  readonly bulk: number;
}

/** What goes into the next response. */
export interface Page {
  readonly upserts: readonly Resource[];
  readonly removed: readonly string[];
}

/** How an upsert was received by a page: it is in it, waits for the next one, or is larger than any. */
export type Placing = 'PLACED' | 'NO_ROOM' | 'TOO_LARGE';

/** A page that is being filled. */
export class OpenPage implements Page {
  readonly upserts: Resource[] = [];
  readonly removed: string[] = [];
  readonly #max: number;
  #left: number;

  constructor(max: number) {
    this.#max = max;
    this.#left = max;
  }

  /** From here on there are at most so many bytes left. */
  narrow(bytes: number): void {
    this.#left = Math.min(this.#left, bytes);
  }

  upsert(resource: Resource): Placing {
    const size = resource.body.length + resource.name.length + resource.version.length + 16;
    if (size > this.#max) return 'TOO_LARGE';
    if (size > this.#left && !this.#isEmpty) return 'NO_ROOM';
    this.upserts.push(resource);
    this.#left -= size;
    return 'PLACED';
  }

  /** False when there is no room for it. */
  remove(name: string): boolean {
    const size = name.length + 4;
    if (size > this.#left && !this.#isEmpty) return false;
    this.removed.push(name);
    this.#left -= size;
    return true;
  }

  /** What comes first always fits, so that each response gets on. */
  get #isEmpty(): boolean {
    return this.upserts.length + this.removed.length === 0;
  }
}

export function read(name: string, { version, body }: Produced): Resource {
  return { name, version, body: typeof body === 'function' ? body() : body };
}
