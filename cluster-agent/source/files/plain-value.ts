import { isAlias, isMap, isScalar, isSeq, Scalar, type Document, type Pair, type YAMLMap } from 'yaml';
import { resolvePlain, type PlainScalar } from './plain-scalar.ts';
import { noteTwice, twiceIn } from './written-twice.ts';

/** A value of JSON. Objects that are read have no prototype, so that no key of a manifest reaches one; copies may have. */
export type PlainValue = PlainScalar | readonly PlainValue[] | { readonly [key: string]: PlainValue };

/** A document as plain values, and what kubectl makes of it that its author may not mean. */
export interface PlainDocument {
  readonly value: PlainValue;
  /** Keys that stand before a merge key, whose value they take. */
  readonly overridden: readonly string[];
  /** A map has a key twice (`findTwice` finds it): its value is the last one. */
  readonly hasTwice: boolean;
}

/** How deep a document may be nested. */
export const maxDepth = 200;

/**
 * A document that was parsed with the failsafe schema, as the plain values that kubectl reads in it (go-yaml v2,
 * decode.go): aliases stand for what they name, and a merge key `<<` for the keys of its map, or of each map of its
 * list, of which an earlier one wins. A merge key sets what stands before it in the map and yields to what stands
 * after it. Throws what is wrong with the document: also when aliases and merge keys make it larger than `maxSize`
 * characters of JSON, before it is built.
 */
export function plainValue(document: Document, maxSize: number): PlainDocument {
  const [error] = document.errors;
  if (error) throw error;
  const reading = new Reading(maxSize);
  const { value } = reading.read(document.contents, 0);
  return { value, overridden: reading.overridden, hasTwice: reading.hasTwice };
}

/** A value, and how many characters its JSON has at the most. */
interface Sized {
  readonly value: PlainValue;
  readonly size: number;
}

class Reading {
  readonly overridden: string[] = [];
  hasTwice = false;
  readonly #maxSize: number;
  /** The last node of each anchor so far. */
  readonly #anchors = new Map<string, unknown>();
  /** Anchored nodes that have been read. */
  readonly #done = new Map<unknown, Sized>();
  /** What aliases and merge keys have added so far. */
  #added = 0;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  read(node: unknown, depth: number): Sized {
    if (depth > maxDepth) throw new Error(`is nested more than ${maxDepth} levels deep`);
    if (isAlias(node)) return this.#aliased(node.source);
    const anchor = (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    const read = this.#readNode(node, depth);
    if (anchor !== undefined) this.#done.set(node, read);
    return read;
  }

  #readNode(node: unknown, depth: number): Sized {
    if (isMap(node)) return this.#map(node, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item, depth + 1));
      const size = items.reduce((sum, one) => sum + one.size + 1, 2);
      return { value: items.map(({ value }) => value), size };
    }
    const value = isScalar(node) ? scalar(node) : null;
    return { value, size: typeof value === 'string' ? JSON.stringify(value).length : 24 };
  }

  #aliased(anchor: string): Sized {
    const node = this.#anchors.get(anchor);
    if (node === undefined)
      throw new Error(`unknown anchor ${quote(anchor)}: it has to come before its alias`);
    const read = this.#done.get(node);
    if (!read) throw new Error(`the anchor ${quote(anchor)} contains itself`);
    return this.#charge(read);
  }

  /** Memory and time for what stands in several places are spent on each of them. */
  #charge(read: Sized): Sized {
    this.#added += read.size;
    if (this.#added > this.#maxSize)
      throw new Error(
        `aliases and merge keys make it larger than ${this.#maxSize} bytes: write it out in several files`,
      );
    return read;
  }

  #map(node: YAMLMap, depth: number): Sized {
    const value = Object.create(null) as Record<string, PlainValue>;
    const own = new Set<string>();
    let size = 2;
    for (const pair of node.items) {
      if (isMergeKey(pair)) {
        size += this.#merge(value, own, pair.value, depth);
        continue;
      }
      const key = this.#key(pair, depth);
      if (own.has(key)) this.#twice(value, key);
      own.add(key);
      const read = this.read(pair.value, depth + 1);
      value[key] = read.value;
      size += read.size + JSON.stringify(key).length + 2;
    }
    return { value, size };
  }

  #twice(map: object, key: string): void {
    this.hasTwice = true;
    if (!twiceIn(map).includes(key)) noteTwice(map, [key]);
  }

  /** How much larger it makes the map. */
  #merge(
    target: Record<string, PlainValue>,
    own: ReadonlySet<string>,
    source: unknown,
    depth: number,
  ): number {
    const node = isAlias(source) ? this.#anchors.get(source.source) : source;
    // An earlier map of a list wins, so it is written last.
    if (isSeq(node) && node === source) {
      const maps = node.items.map((item) => this.#mergeable(item, depth));
      for (const map of [...maps].reverse()) this.#copy(target, own, map.value);
      return maps.reduce((sum, map) => sum + map.size, 0);
    }
    const map = this.#mergeable(source, depth);
    this.#copy(target, own, map.value);
    return map.size;
  }

  #mergeable(node: unknown, depth: number): Sized & { readonly value: Record<string, PlainValue> } {
    const read = this.read(node, depth + 1);
    const { value, size } = isAlias(node) ? read : this.#charge(read);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('a merge key << takes a map, or a list of maps');
    return { value: value as Record<string, PlainValue>, size };
  }

  #copy(
    target: Record<string, PlainValue>,
    own: ReadonlySet<string>,
    source: Record<string, PlainValue>,
  ): void {
    for (const key of Object.keys(source)) {
      if (own.has(key) && target[key] !== source[key]) this.overridden.push(key);
      target[key] = source[key] ?? null;
    }
    noteTwice(target, twiceIn(source));
  }

  #key({ key }: Pair, depth: number): string {
    const { value } = this.read(key, depth + 1);
    if (value === null || typeof value === 'object')
      throw new Error(`${value === null ? 'null' : 'a list or a map'} cannot be a key`);
    return String(value);
  }
}

/** Quoted, it is an ordinary key. */
const isMergeKey = ({ key }: Pair): boolean =>
  isScalar(key) &&
  key.value === '<<' &&
  (key.tag === 'tag:yaml.org,2002:merge' || (key.type === Scalar.PLAIN && key.tag === undefined));

function scalar({ value, type, tag }: Scalar): PlainScalar {
  const text = typeof value === 'string' ? value : '';
  switch (tag) {
    case undefined:
      return type === Scalar.PLAIN ? resolvePlain(text) : text;
    case 'tag:yaml.org,2002:binary':
      return Buffer.from(text, 'base64').toString();
    case 'tag:yaml.org,2002:int':
    case 'tag:yaml.org,2002:float':
      return typed(text, 'number');
    case 'tag:yaml.org,2002:bool':
      return typed(text, 'boolean');
    case 'tag:yaml.org,2002:null':
      return null;
    default:
      return text;
  }
}

function typed(text: string, type: 'number' | 'boolean'): PlainScalar {
  const value = resolvePlain(text);
  if (typeof value !== type) throw new Error(`${quote(text)} is not a ${type}`);
  return value;
}

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
