import { plain } from './print.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Most characters of a value that are shown; `-o json` has all. */
const maxValue = 500;

/**
 * What changed, a line each: `+` was added, `-` is gone, `~` is another. Lists are compared by their elements, so that a
 * rule that was put in front is one line. `before` and `after` are objects by name; null: not there.
 */
export function differences(before: Fields, after: Fields): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [was, is] = [before[name] ?? undefined, after[name] ?? undefined];
    if (was === undefined && is === undefined) return [];
    const fields = fieldsOf(was, is).map((line) => `    ${line}`);
    const sign = was === undefined ? '+' : is === undefined ? '-' : '~';
    return sign === '~' && fields.length === 0 ? [] : [`${sign} ${plain(name)}`, ...fields];
  });
}

/** Of two objects of one kind, or of one that came or went. */
function fieldsOf(was: unknown, is: unknown): readonly string[] {
  const [before, after] = [was ?? {}, is ?? {}];
  return isFields(before) && isFields(after) ? ofFields('', before, after) : ofValues('value', was, is);
}

const ofFields = (path: string, before: Fields, after: Fields): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    // The kind stands in the name.
    .filter((key) => path !== '' || key !== 'kind')
    .flatMap((key) => ofValues(path === '' ? key : `${path}.${key}`, before[key], after[key]));

function ofValues(path: string, was: unknown, is: unknown): readonly string[] {
  if (canonical(was) === canonical(is)) return [];
  if (isFields(was) && isFields(is)) return ofFields(path, was, is);
  if (Array.isArray(was) && Array.isArray(is)) return ofLists(path, was, is);
  const name = plain(path);
  if (was === undefined) return [`+ ${name}: ${shown(is)}`];
  if (is === undefined) return [`- ${name}: ${shown(was)}`];
  return [`~ ${name}: ${shown(was)} -> ${shown(is)}`];
}

function ofLists(path: string, was: readonly unknown[], is: readonly unknown[]): readonly string[] {
  const [gone, added] = [without(was, is), without(is, was)];
  const name = plain(path);
  if (gone.length + added.length === 0) return [`~ ${name}: another order`];
  return [
    ...gone.map((one) => `- ${name}: ${shown(one)}`),
    ...added.map((one) => `+ ${name}: ${shown(one)}`),
  ];
}

/** Elements that another list does not have, each as often as it has them less. */
function without(list: readonly unknown[], other: readonly unknown[]): readonly unknown[] {
  const left = new Map<string, number>();
  for (const one of other) left.set(canonical(one), (left.get(canonical(one)) ?? 0) + 1);
  return list.filter((one) => {
    const count = left.get(canonical(one)) ?? 0;
    left.set(canonical(one), count - 1);
    return count <= 0;
  });
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with its keys in order; empty: not there. */
const canonical = (value: unknown): string =>
  value === undefined
    ? ''
    : JSON.stringify(value, (_key, one: unknown) =>
        isFields(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one,
      );

const shown = (value: unknown): string =>
  shortened(typeof value === 'string' && value !== '' ? value : JSON.stringify(value), maxValue);

/** One line of at most so many characters. */
export function shortened(text: string, max: number): string {
  const left = text.length - max;
  return plain(left > 0 ? `${text.slice(0, max)}… (${left} characters more: -o json)` : text);
}
