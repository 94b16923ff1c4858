/**
 * What a plain YAML scalar stands for, as kubectl reads it: by go-yaml v2 (resolve.go), which is YAML 1.1 without numbers
 * to the base of 60. A manifest must mean the same here and there, so `on` is true and `010` is eight. One exception:
 * `y` and `n` are text, as in go-yaml v3. They are names far more often than they are meant as booleans, and where a
 * boolean is wanted the object is refused by name, so nothing is ever silently different.
 */
export type PlainScalar = string | number | boolean | null;

const words: ReadonlyMap<string, PlainScalar> = new Map<string, PlainScalar>([
  ...['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);

const notNumbers = /^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$/;
const decimal = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+))$/;
const date = /^\d{4}-\d{1,2}-\d{1,2}([Tt ].*)?$/;

/** Throws for infinities and for what is not a number, which JSON cannot express. */
export function resolvePlain(text: string): PlainScalar {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (notNumbers.test(text)) throw new Error(`${text} is not a number that JSON can express`);
  if (!/^[-+.\d]/.test(text) || date.test(text)) return text;
  const digits = text.startsWith('.') ? text : text.replaceAll('_', '');
  return based(digits) ?? (decimal.test(digits) ? Number(digits) + 0 : text);
}

/** A number with a prefix for its base; a leading 0 makes it octal where all its digits are. */
function based(text: string): number | undefined {
  const [, sign, hex, binary, octal] = integer.exec(text) ?? [];
  const magnitude =
    hex !== undefined
      ? parseInt(hex, 16)
      : binary !== undefined
        ? parseInt(binary, 2)
        : octal !== undefined
          ? parseInt(octal, 8)
          : undefined;
  return magnitude === undefined ? undefined : sign === '-' ? 0 - magnitude : magnitude;
}
