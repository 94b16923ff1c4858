import { isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import type { Rejection } from '@isthmus/api/domain/observation.ts';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';

/** An object, and the JSON that it was read from: equal text is an equal object. */
export interface Held {
  readonly object: ClusterObject;
  readonly json: string;
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
  ...{ objects: new Map(), refused: new Set(), broken: true },
  rejections: [{ object: file, field: '', reason: cut(reason) }],
});

function readDocuments(
  documents: readonly Document[],
  file: string,
  lineOf: (document: Document) => number,
): FileContents {
  const contents = new Contents();
  for (const document of documents) {
    const at = `${file}:${lineOf(document)}`;
    try {
      for (const raw of items(plain(document))) contents.add(jsonOf(raw), at);
    } catch (error) {
      contents.broken = true;
      contents.reject({ object: file, field: '', reason: sentence(error) }, at);
    }
  }
  return contents;
}

class Contents implements FileContents {
  readonly objects = new Map<string, Held>();
  readonly refused = new Set<string>();
  readonly rejections: Rejection[] = [];
  broken = false;

  add(json: string, at: string): void {
    const decoded = decodeObject(JSON.parse(json));
    if (!decoded.ok) {
      const { id, ...rejection } = decoded.error;
      if (id === undefined) this.broken = true;
      else this.refused.add(id);
      this.reject(rejection, at);
    } else if (decoded.value.kind === 'skipped') {
      const reason = 'SKIPPED: Isthmus does not act on this kind';
      this.reject({ object: decoded.value.what, field: 'kind', reason }, at);
    } else {
      const { object, unapplied } = decoded.value;
      for (const one of unapplied) this.reject(one, at);
      this.#hold(object, json, at);
    }
  }

  reject({ object, field, reason }: Rejection, at: string): void {
    this.rejections.push({ object, field: cut(field), reason: `${cut(reason)} (${at})` });
  }

  #hold(object: ClusterObject, json: string, at: string): void {
    const id = objectId(object.kind, object.metadata);
    if (this.objects.has(id))
      this.reject({ object: id, field: '', reason: 'is in this file already: the first is taken' }, at);
    else this.objects.set(id, { object, json });
  }
}

const cut = (text: string): string => (text.length > 300 ? `${text.slice(0, 299)}…` : text);

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
