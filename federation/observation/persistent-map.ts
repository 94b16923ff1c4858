/** Entries of a leaf; one that would have more becomes a branch. A change copies one leaf and the branches above it. */
const leafMax = 12;
/** More make more leaves of one or two entries: at 4, a map of 250 takes twice the memory. */
const bitsOfLevel = 2;
const fanOut = 2 ** bitsOfLevel;
/** A hash has 32 bits: names that share all of them stay in one leaf, however many they are. */
const levels = 32 / bitsOfLevel;

type Leaf<K extends string, V> = ReadonlyMap<K, V>;

interface Branch<K extends string, V> {
  readonly size: number;
  /** By the bits of the hash that belong to its level. */
  readonly children: readonly Node<K, V>[];
}

type Node<K extends string, V> = Leaf<K, V> | Branch<K, V>;

/** Names to what they have now; undefined: the name is gone. */
type Changes<K extends string, V> = readonly (readonly [name: K, value: V | undefined])[];

const isBranch = <K extends string, V>(node: Node<K, V>): node is Branch<K, V> => 'children' in node;

const nothing: ReadonlyMap<never, never> = new Map<never, never>();

/**
 * A map that is never changed: a change makes the next value, which shares with it all that does not differ. Both the
 * change and the difference of two such values cost as much as there are names that differ, not the size of the map. Equal
 * maps have equal trees, whatever was set and deleted on the way. Its order is that of no name.
 */
export class PersistentMap<K extends string, V> implements ReadonlyMap<K, V> {
  /** No private field, so that a test that compares two values compares these. */
  readonly root: Node<K, V>;

  private constructor(root: Node<K, V>) {
    this.root = root;
  }

  /** The value itself if it is one of these. */
  static of<K extends string, V>(entries: ReadonlyMap<K, V>): PersistentMap<K, V> {
    return isPersistent(entries) ? entries : new PersistentMap(nodeOf(new Map(entries), 0));
  }

  get size(): number {
    return this.root.size;
  }

  /** The next value; the same one when nothing is said. Of two changes of a name the later one holds. */
  with(changes: Changes<K, V>): PersistentMap<K, V> {
    return changes.length === 0 ? this : new PersistentMap(changed(this.root, changes, 0));
  }

  get(name: K): V | undefined {
    return leafOf(this.root, name).get(name);
  }

  has(name: K): boolean {
    return leafOf(this.root, name).has(name);
  }

  *entries(): Generator<[K, V], undefined> {
    for (const leaf of leavesOf(this.root)) yield* leaf;
  }

  *keys(): Generator<K, undefined> {
    for (const leaf of leavesOf(this.root)) yield* leaf.keys();
  }

  *values(): Generator<V, undefined> {
    for (const leaf of leavesOf(this.root)) yield* leaf.values();
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }

  forEach(each: (value: V, name: K, all: ReadonlyMap<K, V>) => void): void {
    for (const [name, value] of this) each(value, name, this);
  }
}

const isPersistent = <K extends string, V>(map: ReadonlyMap<K, V>): map is PersistentMap<K, V> =>
  map instanceof PersistentMap;

/** Names under which two maps have different values. Cheap where one was made from the other. */
export function differing<K extends string, V>(
  before: ReadonlyMap<K, V> | undefined,
  after: ReadonlyMap<K, V> | undefined,
): readonly K[] {
  return differingLeaves(before, after).flatMap(([old, next]) => [
    ...[...next].flatMap(([name, value]) => (old.get(name) === value && old.has(name) ? [] : [name])),
    ...[...old.keys()].filter((name) => !next.has(name)),
  ]);
}

/** Pairs of what may differ, before and after: what is compared to find the difference. */
export function differingLeaves<K extends string, V>(
  before: ReadonlyMap<K, V> | undefined,
  after: ReadonlyMap<K, V> | undefined,
): readonly (readonly [before: Leaf<K, V>, after: Leaf<K, V>])[] {
  if (before === after) return [];
  const [old, next] = [PersistentMap.of(before ?? nothing).root, PersistentMap.of(after ?? nothing).root];
  return differingNodes<K, V>(old, next);
}

function differingNodes<K extends string, V>(
  before: Node<K, V>,
  after: Node<K, V>,
): readonly (readonly [Leaf<K, V>, Leaf<K, V>])[] {
  if (before === after) return [];
  if (isBranch(before) && isBranch(after))
    return before.children.flatMap((child, at) => differingNodes(child, after.children[at] ?? nothing));
  return [[flat(before), flat(after)]];
}

const flat = <K extends string, V>(node: Node<K, V>): Leaf<K, V> =>
  isBranch(node) ? new Map(entriesOf(node)) : node;

const entriesOf = <K extends string, V>(node: Node<K, V>): readonly (readonly [K, V])[] =>
  [...leavesOf(node)].flatMap((leaf) => [...leaf]);

function* leavesOf<K extends string, V>(node: Node<K, V>): Generator<Leaf<K, V>, undefined> {
  if (!isBranch(node)) yield node;
  else for (const child of node.children) yield* leavesOf(child);
}

function leafOf<K extends string, V>(root: Node<K, V>, name: K): Leaf<K, V> {
  let node = root;
  if (!isBranch(node)) return node;
  const hash = hashOf(name);
  for (let level = 0; isBranch(node); level++) node = node.children[placeOf(hash, level)] ?? nothing;
  return node;
}

function changed<K extends string, V>(node: Node<K, V>, changes: Changes<K, V>, level: number): Node<K, V> {
  if (!isBranch(node)) return nodeOf(changedLeaf(node, changes), level);
  const children = [...node.children];
  for (const [at, here] of Map.groupBy(changes, ([name]) => placeOf(hashOf(name), level)))
    children[at] = changed(children[at] ?? nothing, here, level + 1);
  const size = children.reduce((sum, child) => sum + child.size, 0);
  const branch = { size, children };
  return size > leafMax ? branch : flat(branch);
}

function changedLeaf<K extends string, V>(leaf: Leaf<K, V>, changes: Changes<K, V>): Leaf<K, V> {
  const next = new Map(leaf);
  for (const [name, value] of changes)
    if (value === undefined) next.delete(name);
    else next.set(name, value);
  return next;
}

/** Keeps `entries`, if they fit into a leaf. */
function nodeOf<K extends string, V>(entries: ReadonlyMap<K, V>, level: number): Node<K, V> {
  if (entries.size === 0) return nothing;
  if (entries.size <= leafMax || level === levels) return entries;
  const places = Map.groupBy(entries, ([name]) => placeOf(hashOf(name), level));
  const children = Array.from({ length: fanOut }, (_, at) => nodeOf(new Map(places.get(at)), level + 1));
  return { size: entries.size, children };
}

const placeOf = (hash: number, level: number): number => (hash >>> (level * bitsOfLevel)) & (fanOut - 1);

/** FNV-1a over UTF-16 units. An agent that chooses names of one hash makes only its own changes slower. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
