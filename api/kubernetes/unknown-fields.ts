import type { Finding } from '../domain/rejection.ts';
import { knownFields } from './known-fields.ts';
import { nearest } from './near.ts';

/** Most findings of one object: one that is all wrong is one mistake. */
const max = 20;

const parsed = new Map<string, ReadonlyMap<string, string>>();

/** Field to the type of what is in it, '' for anything; undefined for a type that is not known. */
export function fieldsOf(type: string): ReadonlyMap<string, string> | undefined {
  const text = knownFields[type];
  if (text === undefined) return undefined;
  const known =
    parsed.get(type) ??
    new Map(
      text.split(' ').map((one): [string, string] => {
        const [name = '', of = ''] = one.split(':');
        return [name, of];
      }),
    );
  parsed.set(type, known);
  return known;
}

/**
 * Fields that the kind does not have: the API server drops them with a warning, and so they have no effect here. The
 * warning suggests the field that is meant.
 */
export function unknownFields(kind: string, raw: unknown): readonly Finding[] {
  const found: Finding[] = [];
  collect(kind, raw, '', found);
  return found;
}

function collect(type: string, value: unknown, path: string, found: Finding[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collect(type, item, `${path}[${index}]`, found);
    return;
  }
  const fields = fieldsOf(type);
  if (!fields || typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (found.length >= max) return;
    const at = path === '' ? name : `${path}.${name}`;
    const of = fields.get(name);
    if (of === undefined) found.push(unknownField(at, name, fields.keys()));
    else if (of !== '') collect(of, inner, at, found);
  }
}

const unknownField = (field: string, name: string, fields: Iterable<string>): Finding => ({
  code: 'UNKNOWN_FIELD',
  severity: 'WARNING',
  field,
  message: `${unknownFieldSentence(name, fields)}; it has no effect`,
});

/** `unknown field "selectr"; did you mean "selector"?`, as far as a field is near. */
export function unknownFieldSentence(name: string, fields: Iterable<string>): string {
  const meant = nearest(name, fields);
  const shown = JSON.stringify(name.slice(0, 100));
  return meant === undefined
    ? `unknown field ${shown}`
    : `unknown field ${shown}; did you mean ${JSON.stringify(meant)}?`;
}

/** The type of what a path of an object of a kind leads to; undefined when that is not known. */
export function typeAt(kind: string, path: readonly PropertyKey[]): string | undefined {
  let type: string | undefined = kind;
  for (const part of path) {
    if (typeof part === 'number') continue;
    type = type === undefined ? undefined : fieldsOf(type)?.get(String(part));
  }
  return type;
}
