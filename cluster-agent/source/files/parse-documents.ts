import { LineCounter, parseAllDocuments, type Document } from 'yaml';

/** A document of a file, not yet read, and the line where it begins. */
export interface Parsed {
  readonly document: Document;
  readonly line: number;
}

/**
 * The documents of a file of YAML or JSON. JSON is YAML too, but its documents may follow one another without a line
 * between them, as `kubectl get -o json` and `jq` write them. Scalars stay text. Throws when nothing can be parsed.
 */
export function parseDocuments(text: string): readonly Parsed[] {
  const starts = jsonStarts(text);
  if (!starts) return parseYaml(text, 0);
  let line = 0;
  let counted = 0;
  return starts.flatMap((start, i) => {
    line += linesIn(text, counted, start);
    counted = start;
    return parseYaml(text.slice(start, starts[i + 1]), line);
  });
}

/** A part of a file's text that is read by itself. */
export interface PartOfText {
  readonly text: string;
  readonly linesBefore: number;
}

/**
 * The texts of a file's documents. A line that begins with `---` ends a document in every context of YAML; with directives,
 * which lie before that line and belong to what comes after it, the file is one text.
 */
export function textsOf(text: string): readonly PartOfText[] {
  const starts = jsonStarts(text) ?? (/^%/m.test(text) ? [0] : yamlStarts(text));
  let [line, counted] = [0, 0];
  return starts.map((start, i) => {
    line += linesIn(text, counted, start);
    counted = start;
    return { text: text.slice(start, starts[i + 1]), linesBefore: line };
  });
}

const yamlStarts = (text: string): readonly number[] => [
  0,
  ...Array.from(text.matchAll(/^---(?=[ \t\r\n]|$)/gm), ({ index }) => index).filter((index) => index > 0),
];

function parseYaml(text: string, linesBefore: number): readonly Parsed[] {
  const lines = new LineCounter();
  // Scalars and keys are judged by what reads the documents: as kubectl does, and without the parser's own check of
  // keys, which takes time in the square of their number.
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: 'silent',
    lineCounter: lines,
  });
  return documents.map((document) => ({
    document,
    line: linesBefore + lines.linePos(document.contents?.range[0] ?? 0).line,
  }));
}

/** Where each object of a sequence of JSON objects begins; undefined for anything else. */
function jsonStarts(text: string): readonly number[] | undefined {
  const starts: number[] = [];
  let depth = 0;
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]]|\S/gs;
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [first] = found[0];
    if (depth === 0) {
      if (first === '\uFEFF' && starts.length === 0) continue;
      if (first !== '{') return undefined;
      starts.push(found.index);
    }
    if (first === '{' || first === '[') depth++;
    else if (first === '}' || first === ']') depth--;
  }
  return starts.length > 1 ? starts : undefined;
}

function linesIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
