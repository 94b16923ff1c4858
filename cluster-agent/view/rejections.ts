import type { Severity } from '@isthmus/api/domain/condition.ts';
import {
  placeOfRejection,
  placesOf,
  type Rejection,
  type RejectionCounts,
} from '@isthmus/api/domain/rejection.ts';
import { placeIn } from './sorted.ts';

interface Held {
  readonly rejection: Rejection;
  /** How many origins have it. */
  origins: number;
}

/** From so many changes at once on, sorting all costs less than finding the place of each. */
const manyAtOnce = 16;

/** What others than the view itself may ask. */
export type RejectionQueries = Omit<Rejections, 'set'>;

/** What manifests say and Isthmus does not do, of all origins, gravest first and then by place. Equal ones are one. */
export class Rejections implements Iterable<Rejection> {
  readonly #byOrigin = new Map<string, readonly string[]>();
  readonly #byPlace = new Map<string, Held>();
  readonly #counts: Record<Severity, number> = { ERROR: 0, WARNING: 0, INFO: 0 };
  #places: string[] = [];

  /**
   * Replaces those of an origin. NONE: they are as they were. OWN: only the origin has others, as another one has them,
   * too. ALL: there are others now.
   */
  set(origin: string, rejections: readonly Rejection[]): 'NONE' | 'OWN' | 'ALL' {
    const after = new Map(rejections.map((one) => [placeOfRejection(one), one]));
    const before = new Set(this.#byOrigin.get(origin));
    if (after.size > 0) this.#byOrigin.set(origin, [...after.keys()]);
    else this.#byOrigin.delete(origin);
    const came = [...after].filter(([place, one]) => !before.has(place) && this.#hold(place, one));
    const gone = [...before].filter((place) => !after.has(place) && this.#drop(place));
    if (came.length + gone.length >= manyAtOnce) this.#places = [...this.#byPlace.keys()].sort();
    else {
      for (const place of gone) this.#places.splice(placeIn(this.#places, place), 1);
      for (const [place] of came) this.#places.splice(placeIn(this.#places, place), 0, place);
    }
    if (came.length + gone.length > 0) return 'ALL';
    return after.size === before.size && [...after.keys()].every((place) => before.has(place))
      ? 'NONE'
      : 'OWN';
  }

  /** Those of which something is said. */
  origins(): Iterable<string> {
    return this.#byOrigin.keys();
  }

  /** Of one origin, gravest first. */
  of(origin: string): readonly Rejection[] {
    return [...(this.#byOrigin.get(origin) ?? [])]
      .sort()
      .flatMap((place) => this.#byPlace.get(place)?.rejection ?? []);
  }

  get counts(): RejectionCounts {
    return this.#counts;
  }

  get size(): number {
    return this.#places.length;
  }

  *[Symbol.iterator](): Iterator<Rejection> {
    yield* this.page('', '', Infinity).rejections;
  }

  /** So many, of one severity or of any (''), that come after a place; '' begins. O(log n) beside the page itself. */
  page(
    severity: Severity | '',
    after: string,
    max: number,
  ): { readonly rejections: readonly Rejection[]; readonly hasNext: boolean } {
    const { from, to } = severity === '' ? { from: '', to: undefined } : placesOf(severity);
    const end = to === undefined ? this.#places.length : placeIn(this.#places, to);
    const next = placeIn(this.#places, after);
    const begin = Math.max(placeIn(this.#places, from), this.#places[next] === after ? next + 1 : next);
    const page = this.#places.slice(begin, Math.min(end, begin + max));
    return {
      rejections: page.flatMap((place) => this.#byPlace.get(place)?.rejection ?? []),
      hasNext: begin + page.length < end,
    };
  }

  /** True when it is a new one. */
  #hold(place: string, rejection: Rejection): boolean {
    const held = this.#byPlace.get(place);
    if (held) held.origins++;
    else {
      this.#byPlace.set(place, { rejection, origins: 1 });
      this.#counts[rejection.severity]++;
    }
    return !held;
  }

  /** True when no other origin has it. */
  #drop(place: string): boolean {
    const held = this.#byPlace.get(place);
    if (!held || --held.origins > 0) return false;
    this.#counts[held.rejection.severity]--;
    return this.#byPlace.delete(place);
  }
}
