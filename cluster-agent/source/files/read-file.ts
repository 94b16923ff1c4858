import { isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import type { Finding, Rejection } from '@isthmus/api/domain/rejection.ts';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';

/** An object, and the JSON that it was read from: equal text is an equal object. */
export interface Held {
  readonly object: ClusterObject;
  readonly json: string;
  /** Where its document begins. */
  readonly line: number;
}

/** What one file of manifests holds. */
export interface FileContents {
  readonly objects: ReadonlyMap<string, Held>;
  /** Ids of objects that are in the file and were refused. */
  readonly refused: ReadonlySet<string>;
  readonly rejections: readonly Rejection[];
  /** A part of it could not be read, so nobody knows what else is in it. */
  readonly broken: boolean;
}

/** Parsing costs up to two seconds a mebibyte, and nothing else runs meanwhile. */
export const mostBytes = 512 * 1024;
const mostDocuments = 1000;
/** Aliases make an object larger than the file that it is in. */
const mostJson = 4 * mostBytes;

/** Reads a file of YAML documents; a bad object or document is refused alone. Pure, and never throws. */
export function readManifests(text: string, file: string): FileContents {
  if (text.length > mostBytes) return unreadable(file, `has ${text.length} bytes, more than ${mostBytes}`);
  const lines = new LineCounter();
  let documents: readonly Document[];
  try {
    // Unique keys are checked below: the parser's own check takes time in the square of their number.
    documents = parseAllDocuments(text, { uniqueKeys: false, lineCounter: lines });
  } catch (error) {
    return unreadable(file, sentence(error));
  }
  if (documents.length > mostDocuments)
    return unreadable(file, `has ${documents.length} documents, more than ${mostDocuments}`);
  return readDocuments(documents, file, (document) => lines.linePos(document.contents?.range?.[0] ?? 0).line);
}

/** Whatever is in the file, nobody knows. */
export const unreadable = (file: string, reason: string): FileContents => ({
  objects: new Map(),
  refused: new Set(),
  rejections: [rejectionOf(file, fileFinding('UNREADABLE_FILE', reason), file, 0)],
  broken: true,
});

/** Of a file as a whole. */
export const fileFinding = (code: string, message: string): Finding => ({
  code,
  severity: 'ERROR',
  field: '',
  message,
});

export const rejectionOf = (object: string, finding: Finding, file: string, line: number): Rejection => ({
  code: finding.code,
  severity: finding.severity,
  object: cut(object),
  field: cut(finding.field),
  message: cut(finding.message),
  file,
  line,
});

function readDocuments(
  documents: readonly Document[],
  file: string,
  lineOf: (document: Document) => number,
): FileContents {
  const contents = new Contents(file);
  for (const document of documents) {
    const line = lineOf(document);
    try {
      for (const raw of items(plain(document))) contents.add(jsonOf(raw), line);
    } catch (error) {
      contents.broken = true;
      contents.reject(file, fileFinding('INVALID_YAML', sentence(error)), line);
    }
  }
  return contents;
}

class Contents implements FileContents {
  readonly objects = new Map<string, Held>();
  readonly refused = new Set<string>();
  readonly rejections: Rejection[] = [];
  broken = false;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(json: string, line: number): void {
    const decoded = decodeObject(JSON.parse(json));
    if (!decoded.ok) {
      const { id, object } = decoded.error;
      if (id === undefined) this.broken = true;
      else this.refused.add(id);
      this.reject(object, decoded.error, line);
    } else if (decoded.value.kind === 'skipped') {
      const { what, apiVersion } = decoded.value;
      this.reject(what, skipped(apiVersion), line);
    } else {
      const { what, object, findings } = decoded.value;
      for (const one of findings) this.reject(what, one, line);
      this.#hold(what, object, json, line);
    }
  }

  reject(object: string, finding: Finding, line: number): void {
    this.rejections.push(rejectionOf(object, finding, this.#file, line));
  }

  #hold(what: string, object: ClusterObject, json: string, line: number): void {
    const id = objectId(object.kind, object.metadata);
    const first = this.objects.get(id);
    if (first) this.reject(what, duplicate(this.#file, first.line), line);
    else this.objects.set(id, { object, json, line });
  }
}

/** The object is in another place already, which is the one that counts. */
export const duplicate = (file: string, line: number): Finding => ({
  code: 'DUPLICATE_OBJECT',
  severity: 'WARNING',
  field: '',
  message: `the same object is at ${file}:${line}, which is the one that is used; delete one of them`,
});

const skipped = (apiVersion: string): Finding => ({
  code: 'SKIPPED',
  severity: 'INFO',
  field: 'kind',
  message: `Isthmus does not use this kind (${apiVersion})`,
});

/** Whole characters only, as what is cut within one comes out of the link as another text. */
const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text).toWellFormed();

const sentence = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'is no YAML';

/** The document as plain values. Throws what is wrong with it. */
function plain(document: Document): unknown {
  const [error] = document.errors;
  if (error) throw error;
  visit(document, {
    Map(_key, map) {
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (keys.has(name)) throw new Error(`the key ${cut(String(name))} is there twice`);
        keys.add(name);
      }
    },
  });
  return document.toJS({ maxAliasCount: 100 }) as unknown;
}

/** Throws when the value contains itself or is too large. */
function jsonOf(raw: unknown): string {
  const json = JSON.stringify(raw) as string | undefined;
  if (json === undefined || json.length > mostJson)
    throw new Error(`an object is larger than ${mostJson} bytes`);
  return json;
}

/** A List stands for its items; an empty document for nothing. */
function items(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) return [];
  const list = document as { kind?: unknown; items?: unknown };
  return list.kind === 'List' && Array.isArray(list.items) ? list.items : [document];
}
