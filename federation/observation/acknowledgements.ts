import type { Applied } from '@isthmus/api/domain/report.ts';
import { markOf } from '@isthmus/mesh/delta/digest.ts';

/** Most different ones that are shared; the oldest goes, and equal ones that come later are shared again. */
const max = 50_000;

/**
 * Equal acknowledgements of all clusters as one object. Each cluster acknowledges each intermediate of each other one, so
 * there are as many as the square of the clusters, and few that differ.
 */
export class Acknowledgements {
  readonly #applied = new Map<string, Applied>();
  readonly #texts = new Map<string, string>();
  readonly #marks = new Map<string, bigint>();

  get size(): number {
    return this.#applied.size + this.#texts.size + this.#marks.size;
  }

  /** Two are shared only when every field is equal: a version that one agent reports proves nothing about another agent's. */
  intern(applied: Applied): Applied {
    const { subject, version, state, message, proxies } = applied;
    const key = JSON.stringify([subject, version, state, message, proxies]);
    return shared(this.#applied, key, () => ({ ...applied, subject: this.text(subject) }));
  }

  /** What one of these adds to the digest of its group. It is hashed once for all clusters that hold it. */
  mark(name: string, version: string): bigint {
    return shared(this.#marks, `${name}\0${version}`, () => markOf(name, version));
  }

  /** One object of a text: a name or a version that many clusters report. */
  text(text: string): string {
    return shared(this.#texts, text, () => text);
  }
}

function shared<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  if (known.size > max) known.delete(known.keys().next().value ?? '');
  return made;
}
