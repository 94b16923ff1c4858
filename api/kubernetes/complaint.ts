import type { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { invalid } from './finding.ts';
import { nearest } from './near.ts';
import { fieldsOf, typeAt, unknownFieldSentence } from './unknown-fields.ts';

/**
 * The first thing for which an object of a kind is refused, with what to do about it. A field that nobody knows comes
 * before one that is missing at the same place, as it is the missing one, misspelt.
 */
export function complaint(error: z.ZodError, kind: string, raw: unknown): Finding {
  const [first] = error.issues;
  if (!first) return invalid('', 'cannot be read');
  const places = [pathOf(first.path), pathOf(first.path.slice(0, -1))];
  const issue =
    error.issues.find(({ code, path }) => code === 'unrecognized_keys' && places.includes(pathOf(path))) ??
    first;
  const fields = [...(fieldsOf(typeAt(kind, issue.path) ?? '')?.keys() ?? [])];
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const field = pathOf([...issue.path, key]);
    return { code: 'UNKNOWN_FIELD', severity: 'ERROR', field, message: unknownFieldSentence(key, fields) };
  }
  const field = pathOf(issue.path);
  if (issue.code !== 'invalid_type') return invalid(field, issue.message);
  const value = valueAt(raw, issue.path);
  return value === undefined
    ? missing(issue.path, kind, raw)
    : invalid(field, mistyped(issue.expected, value));
}

/** A field that has to be there: perhaps it is, by another name. */
function missing(path: readonly PropertyKey[], kind: string, raw: unknown): Finding {
  const name = String(path.at(-1) ?? '');
  const parent = valueAt(raw, path.slice(0, -1));
  const known = fieldsOf(typeAt(kind, path.slice(0, -1)) ?? '');
  const strangers = Object.keys(typeof parent === 'object' && parent !== null ? parent : {}).filter(
    (key) => known && !known.has(key),
  );
  const written = strangers.find((key) => nearest(key, [name]) !== undefined);
  return written === undefined
    ? invalid(pathOf(path), 'is required')
    : invalid(pathOf([...path.slice(0, -1), written]), unknownFieldSentence(written, [name]));
}

function mistyped(expected: string, value: unknown): string {
  const found = typeOf(value);
  const remedy = expected === 'string' && /^(boolean|number)$/.test(found) ? ': put it in quotes' : '';
  return `must be ${withArticle(expected)}, and is ${withArticle(found)}${remedy}`;
}

const typeOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const withArticle = (type: string): string =>
  type === 'null' ? type : `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`;

export const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
