import { createHash } from 'node:crypto';
import type { Finding } from '@isthmus/api/domain/rejection.ts';
import { decodeObject, refuseObject } from '@isthmus/api/kubernetes/decode.ts';
import { jsonDocument } from './json-document.ts';
import { parseDocuments, textsOf, type Parsed } from './parse-documents.ts';
import { plainValue, type PlainDocument, type PlainValue } from './plain-value.ts';
import { duplicateKey, findTwice, twiceIn, withoutDoubt } from './written-twice.ts';

/** An item of a document, and what it is. */
export interface ReadItem {
  /** What it was read from. */
  readonly json: string;
  readonly decoded: ReturnType<typeof decodeObject>;
}

/** What one document of a file says. */
export interface ReadDocument {
  /** Where it begins, from 1. */
  readonly line: number;
  /** Keys that a merge key after them sets again. */
  readonly overridden: readonly string[];
  readonly items: readonly ReadItem[];
}

/** What was read of texts, by their digests. */
export type KnownDocuments = ReadonlyMap<string, readonly ReadDocument[]>;

/**
 * Reads the documents of a file one by one: those whose text is known are not read again. Undefined when one of them has
 * an error, as what is wrong with it may be in another: the file has to be read as a whole then.
 */
export function readEach(
  text: string,
  known: KnownDocuments,
  maxJson: number,
): { readonly documents: readonly ReadDocument[]; readonly known: KnownDocuments } | undefined {
  const now = new Map<string, readonly ReadDocument[]>();
  const documents: ReadDocument[] = [];
  for (const { text: one, linesBefore } of textsOf(text)) {
    const digest = createHash('sha256').update(one).digest('base64');
    const read = now.get(digest) ?? known.get(digest) ?? readAlone(one, maxJson);
    if (!read) return undefined;
    now.set(digest, read);
    for (const document of read) documents.push({ ...document, line: document.line + linesBefore });
  }
  return { documents, known: now };
}

/** A program writes JSON, which needs no parser of YAML: that takes most of a start otherwise. */
function readAlone(text: string, maxJson: number): readonly ReadDocument[] | undefined {
  const simple = jsonDocument(text);
  if (simple) return [documentOf({ value: simple.value, overridden: [], hasTwice: false }, simple.line)];
  try {
    return parseDocuments(text).map((parsed) => readDocument(parsed, maxJson));
  } catch {
    return undefined;
  }
}

/** Throws when the document is not YAML, or what it says is larger than may be. */
export const readDocument = ({ document, line }: Parsed, maxJson: number): ReadDocument =>
  documentOf(plainValue(document, maxJson), line);

const documentOf = ({ value, overridden, hasTwice }: PlainDocument, line: number): ReadDocument => ({
  line,
  overridden,
  items: items(value).map((item) => readItem(item, hasTwice)),
});

/** An object that has a key twice is refused, if it is of a kind that is used. */
function readItem(item: PlainValue, hasTwice: boolean): ReadItem {
  const json = JSON.stringify(item);
  const decoded = decodeObject(JSON.parse(json));
  const twice = hasTwice ? findTwice(item) : undefined;
  if (!twice || (decoded.ok && decoded.value.kind !== 'object')) return { json, decoded };
  return { json, decoded: { ok: false, error: doubtful(item, duplicateKey(twice)) } };
}

const doubtful = (item: PlainValue, finding: Finding) =>
  refuseObject(JSON.parse(JSON.stringify(withoutDoubt(item))), finding);

/** A list of any kind stands for its items, as for kubectl; an empty document for nothing. */
function items(value: PlainValue): readonly PlainValue[] {
  if (value === null) return [];
  if (!isRecord(value) || !Array.isArray(value['items'])) return [value];
  const { apiVersion, kind } = value;
  const [twice] = twiceIn(value);
  if (twice !== undefined)
    throw new Error(`the key ${JSON.stringify(twice)} of a list of objects is written twice`);
  const listed = value['items'] as readonly PlainValue[];
  if (typeof kind !== 'string' || !kind.endsWith('List') || !listed.every(isRecord)) return [value];
  const itemKind = kind.slice(0, -'List'.length);
  return listed.flatMap((item) =>
    // The items of a typed list have no kind of their own.
    itemKind !== '' && item['kind'] === undefined
      ? [{ ...item, apiVersion: apiVersion ?? null, kind: itemKind }]
      : items(item),
  );
}

const isRecord = (value: PlainValue): value is { readonly [key: string]: PlainValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
