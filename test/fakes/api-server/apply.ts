import { isDeepStrictEqual } from 'node:util';
import { isMap, type ManagedFields } from './kept-object.ts';

type Path = readonly string[];
type Map_ = Readonly<Record<string, unknown>>;

/** What server-side apply makes of an object. `conflicts`: fields of others that have another value, by path. */
export interface Applied {
  readonly object: Map_;
  readonly managed: readonly ManagedFields[];
  readonly conflicts: readonly { readonly path: string; readonly manager: string }[];
}

/**
 * Server-side apply, with lists as values: the fields that `manager` applied before and now leaves out are removed,
 * unless somebody else applied them too.
 */
export function apply(
  before: Map_,
  managed: readonly ManagedFields[],
  {
    manager,
    subresource,
    force,
    applied,
  }: { manager: string; subresource: string; force: boolean; applied: Map_ },
): Applied {
  const leaves = new Map(leavesOf(applied).map(([path, value]) => [JSON.stringify(path), { path, value }]));
  const isOwn = (one: ManagedFields) => one.manager === manager && one.subresource === subresource;
  const others = managed.filter((one) => !isOwn(one));
  const conflicts = others.flatMap((other) =>
    other.paths
      .filter((path) => {
        const leaf = leaves.get(path);
        return leaf && !isDeepStrictEqual(at(before, leaf.path), leaf.value);
      })
      .map((path) => ({ path: (JSON.parse(path) as string[]).join('.'), manager: other.manager })),
  );
  if (conflicts.length > 0 && !force) return { object: before, managed, conflicts };
  const own = managed.find(isOwn)?.paths ?? [];
  const left = own.filter((path) => !leaves.has(path) && !others.some(({ paths }) => paths.includes(path)));
  const cleared = left.reduce((object, path) => without(object, JSON.parse(path) as string[]), before);
  const object = [...leaves.values()].reduce((into, { path, value }) => withLeaf(into, path, value), cleared);
  const overruled = new Set(conflicts.map(({ path }) => path));
  return {
    object,
    managed: [
      ...others.map((one) => ({
        ...one,
        paths: one.paths.filter((path) => !overruled.has((JSON.parse(path) as string[]).join('.'))),
      })),
      { manager, subresource, paths: [...leaves.keys()] },
    ].filter(({ paths }) => paths.length > 0),
    conflicts: [],
  };
}

/** A merge patch (RFC 7386). */
export function merge(before: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const merged = new Map(Object.entries(isMap(before) ? before : {}));
  for (const [key, value] of Object.entries(patch))
    if (value === null) merged.delete(key);
    else merged.set(key, merge(merged.get(key), value));
  return Object.fromEntries(merged);
}

/** Names and the kind are owned by nobody. */
const notOwned = new Set([
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.resourceVersion',
]);

function leavesOf(value: Map_, path: Path = []): readonly (readonly [Path, unknown])[] {
  return Object.entries(value).flatMap(([key, one]) => {
    const here = [...path, key];
    if (notOwned.has(here.join('.'))) return [];
    return isMap(one) && Object.keys(one).length > 0 ? leavesOf(one, here) : [[here, one] as const];
  });
}

const at = (value: unknown, path: Path): unknown =>
  path.reduce((inner, key) => (isMap(inner) ? inner[key] : undefined), value);

function withLeaf(value: unknown, [first, ...rest]: Path, leaf: unknown): Map_ {
  const map = isMap(value) ? value : {};
  if (first === undefined) return map;
  return { ...map, [first]: rest.length === 0 ? leaf : withLeaf(map[first], rest, leaf) };
}

function without(value: unknown, [first, ...rest]: Path): Map_ {
  const map = isMap(value) ? value : {};
  if (first === undefined || !(first in map)) return map;
  if (rest.length > 0) return { ...map, [first]: without(map[first], rest) };
  return Object.fromEntries(Object.entries(map).filter(([key]) => key !== first));
}
