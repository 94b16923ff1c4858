import { z } from 'zod';
import type { Finding } from '../domain/rejection.ts';
import { invalid } from './finding.ts';

type Path = readonly PropertyKey[];

/**
 * Why an object is refused, by its first fault. A field that nobody knows comes before one that is missing at the same
 * place, as it is the missing one, misspelt.
 */
export function complaint(error: z.ZodError, schema: z.ZodType): Finding {
  const { issues } = error;
  const [first] = issues;
  if (!first) return invalid('', 'cannot be read');
  const at = first.path.slice(0, -1).join('.');
  const issue =
    issues.find(
      ({ code, path }) => code === 'unrecognized_keys' && [at, first.path.join('.')].includes(path.join('.')),
    ) ?? first;
  if (issue.code !== 'unrecognized_keys') return invalid(pathText(issue.path), issue.message);
  const known = fieldsAt(schema, issue.path);
  const fields = issue.keys.map((key) => pathText([...issue.path, key]));
  return invalid(fields.join(', '), issue.keys.map((key) => unknownField(key, known)).join('; '));
}

/** `unknown field "sorce"; did you mean "source"?` */
export function unknownField(field: string, known: readonly string[]): string {
  const nearest = known
    .map((one) => ({ one, distance: editDistance(field.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const isNear = nearest && nearest.distance <= Math.max(1, Math.floor(nearest.one.length / 3));
  return `unknown field ${JSON.stringify(field)}${isNear ? `; did you mean "${nearest.one}"?` : ''}`;
}

const pathText = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');

/** The names of an object's fields, at a place within a schema. */
function fieldsAt(schema: z.ZodType, [part, ...rest]: Path): readonly string[] {
  const one = unwrap(schema);
  if (one instanceof z.ZodObject) {
    const shape = one.shape as Readonly<Record<string, z.ZodType>>;
    if (part === undefined) return Object.keys(shape);
    const field = shape[String(part)];
    return field ? fieldsAt(field, rest) : [];
  }
  if (one instanceof z.ZodArray) return fieldsAt(one.element as z.ZodType, rest);
  return one instanceof z.ZodRecord ? fieldsAt(one.valueType as z.ZodType, rest) : [];
}

const unwrap = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;

/** How many letters have to be added, left out, changed, or swapped with the next. Texts of more than 100 are far. */
function editDistance(a: string, b: string): number {
  if (a.length > 100 || b.length > 100) return Infinity;
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? at(before, j - 2) + 1 : Infinity,
      );
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Infinity;
