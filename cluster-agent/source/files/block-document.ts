import type { ReadValue } from './json-document.ts';
import { resolvePlain } from './plain-scalar.ts';
import type { PlainValue } from './plain-value.ts';

interface Line {
  /** How many spaces it begins with. */
  readonly indent: number;
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** Nested deeper, a document is left to the parser of YAML, which says so where it is too deep. */
const maxDepth = 50;

/** A plain key that is no number and no indicator, or one in quotes; and what follows its colon. */
const entry =
  /^(?:([A-Za-z_][A-Za-z0-9_./-]{0,252})|"([ !#-[\]-~]{0,253})"|'([ -&(-~]{0,253})'):(?: +(\S.*))?$/;
const item = /^- +(?=\S)/;
/** What begins with no indicator, has nothing in it that could end it, and is no infinity. */
const plain = /^(?:[A-Za-z0-9_/]|-(?=[A-Za-z0-9]))[A-Za-z0-9_./:@=+,*%()~ -]*$/;
const doubleQuoted = /^"([ !#-[\]-~]*)"$/;
const singleQuoted = /^'([ -&(-~]*)'$/;

/** Another program must decide what the text means. */
class NotPlain extends Error {}

/**
 * A document of block YAML in the form in which most manifests are written: maps and lists by indentation, with scalars
 * that end on their line, without anchors, tags, comments behind values and text over several lines. It is read in a
 * fraction of the time of a parser of YAML. Undefined for every other text, and wherever the two might differ.
 */
export function blockDocument(text: string): ReadValue | undefined {
  const lines = linesOf(text);
  const [first] = lines ?? [];
  if (!lines || first?.indent !== 0) return undefined;
  const reading = new Reading(lines);
  try {
    const value = reading.block(0, 0);
    return reading.isOver ? { value, line: first.number } : undefined;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

/** Those that say something; undefined where indentation is not what it seems to be. */
function linesOf(text: string): readonly Line[] | undefined {
  if (/[\t\r]/.test(text)) return undefined;
  const lines: Line[] = [];
  for (const [i, whole] of text.split('\n').entries()) {
    const indent = spacesBefore(whole);
    const said = withoutSpacesAtEnd(whole).slice(indent);
    if (said === '' || said.startsWith('#') || (i === 0 && whole === '---')) continue;
    lines.push({ indent, text: said, number: i + 1 });
  }
  return lines;
}

/** Of other white space YAML says something else than JavaScript. */
function spacesBefore(line: string): number {
  let count = 0;
  while (line[count] === ' ') count++;
  return count;
}

function withoutSpacesAtEnd(line: string): string {
  let end = line.length;
  while (line[end - 1] === ' ') end--;
  return line.slice(0, end);
}

class Reading {
  readonly #lines: readonly Line[];
  #at = 0;
  /** Stands for the line of an item whose map begins behind its dash. */
  #rest: Line | undefined;

  constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  get isOver(): boolean {
    return this.#line === undefined;
  }

  block(indent: number, depth: number): PlainValue {
    if (depth > maxDepth) throw new NotPlain();
    return this.#line && item.test(this.#line.text) ? this.#list(indent, depth) : this.#map(indent, depth);
  }

  get #line(): Line | undefined {
    return this.#rest ?? this.#lines[this.#at];
  }

  #next(): void {
    this.#rest = undefined;
    this.#at++;
  }

  #map(indent: number, depth: number): PlainValue {
    const map = Object.create(null) as Record<string, PlainValue>;
    for (let line = this.#line; line?.indent === indent && !item.test(line.text); line = this.#line) {
      const [, bare, double, single, value] = entry.exec(line.text) ?? [];
      const key = bare === undefined ? (double ?? single) : textOf(bare);
      if (key === undefined || Object.hasOwn(map, key)) throw new NotPlain();
      this.#next();
      map[key] = value === undefined ? this.#nested(indent, depth) : scalar(value);
    }
    return this.#ended(map, indent);
  }

  /** What is below a key: a list may be indented as its key is. */
  #nested(indent: number, depth: number): PlainValue {
    const line = this.#line;
    if (!line || line.indent < indent) return null;
    if (line.indent > indent) return this.block(line.indent, depth + 1);
    return item.test(line.text) ? this.#list(indent, depth + 1) : null;
  }

  #list(indent: number, depth: number): PlainValue {
    const list: PlainValue[] = [];
    for (let line = this.#line; line?.indent === indent; line = this.#line) {
      const dash = item.exec(line.text)?.[0];
      if (dash === undefined) break;
      const text = line.text.slice(dash.length);
      this.#next();
      if (entry.test(text)) list.push(this.#mapIn(line, indent + dash.length, text, depth));
      else list.push(scalar(text));
    }
    return this.#ended(list, indent);
  }

  /** The map of an item, which begins behind the dash. */
  #mapIn({ number }: Line, indent: number, text: string, depth: number): PlainValue {
    if (depth >= maxDepth) throw new NotPlain();
    this.#at--;
    this.#rest = { indent, text, number };
    return this.#map(indent, depth + 1);
  }

  /** A line that is indented deeper than what it follows would belong to it. */
  #ended<T extends PlainValue>(value: T, indent: number): T {
    if (this.#line && this.#line.indent > indent) throw new NotPlain();
    return value;
  }
}

/** As a key: one that is no text would be another one in JSON. */
function textOf(key: string): string {
  if (typeof resolvePlain(key) !== 'string') throw new NotPlain();
  return key;
}

function scalar(text: string): PlainValue {
  if (text === '{}') return Object.create(null) as { readonly [key: string]: PlainValue };
  if (text === '[]') return [];
  const quoted = (doubleQuoted.exec(text) ?? singleQuoted.exec(text))?.[1];
  if (quoted !== undefined) return quoted;
  if (!plain.test(text) || text.includes(': ') || text.endsWith(':')) throw new NotPlain();
  return resolvePlain(text);
}
