import { maxDepth, type PlainValue } from './plain-value.ts';

/** A document that was read without the parser of YAML. */
export interface ReadValue {
  readonly value: PlainValue;
  /** Where it begins in the text, from 1. */
  readonly line: number;
}

/** What may stand before the object: the line that ended the document before it, and white space. */
const before = /^(?:---(?=[ \r\n]))?[ \r\n]*(?=\{)/;

/**
 * One JSON object, as plain values. JSON is YAML too, and `JSON.parse` needs a hundredth of the time of a parser of YAML.
 * Undefined for everything else, and where the two may differ: a key that is written twice or with an escape, what is nested too
 * deep, tabs, and carriage returns that end no line.
 */
export function jsonDocument(text: string): ReadValue | undefined {
  const start = before.exec(text)?.[0];
  if (start === undefined || /\t|\r(?!\n)/.test(text)) return undefined;
  const json = text.slice(start.length);
  const value = parsed(json);
  if (value === undefined || freed(value, 0) !== keysWritten(json)) return undefined;
  return { value, line: start.split('\n').length };
}

function parsed(json: string): PlainValue | undefined {
  try {
    return JSON.parse(json) as PlainValue;
  } catch {
    return undefined;
  }
}

/** Takes their prototypes from the maps of a value; gives how many keys they have, NaN for one that is nested too deep. */
function freed(value: PlainValue, depth: number): number {
  if (depth > maxDepth) return NaN;
  if (typeof value !== 'object' || value === null) return 0;
  const isList = Array.isArray(value);
  if (!isList) Object.setPrototypeOf(value, null);
  let count = 0;
  for (const one of Object.values<PlainValue>(value)) count += freed(one, depth + 1) + (isList ? 0 : 1);
  return count;
}

/**
 * How many keys are written in JSON: more than its maps have when one is there twice. NaN where one has an escape: V8 reads
 * the key `\"` as `\` once it has seen a map with that key at the same place (Node 24.21).
 */
function keysWritten(json: string): number {
  let count = 0;
  for (const [text, colon] of json.matchAll(/"(?:[^"\\]|\\.)*"\s*(:?)/g))
    if (colon === ':') count += text.includes('\\') ? NaN : 1;
  return count;
}
