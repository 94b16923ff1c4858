import type { Finding, Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Refusal } from '@isthmus/api/kubernetes/decode.ts';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { inForceFor, notEnforced, rejectionOf } from '../refused.ts';
import { parseDocuments, type Parsed } from './parse-documents.ts';
import {
  readDocument,
  readEach,
  type KnownDocuments,
  type ReadDocument,
  type ReadItem,
} from './read-documents.ts';

/** An object, and the JSON that it was read from: equal text is an equal object. */
export interface Held {
  readonly object: ClusterObject;
  readonly json: string;
  /** Where its document begins. */
  readonly line: number;
  /** The object that is written was refused, and this one stands in for it: what that means. */
  readonly standsIn?: Rejection;
}

/** What one file of manifests holds. */
export interface FileContents {
  readonly objects: ReadonlyMap<string, Held>;
  /** Ids of objects that are in the file and were refused. */
  readonly refused: ReadonlySet<string>;
  /** By id, what stands in for refused objects of which no good form is known. */
  readonly standIns: ReadonlyMap<string, Held>;
  readonly rejections: readonly Rejection[];
  /** A part of it could not be read, so nobody knows what else is in it. */
  readonly broken: boolean;
  /** What was read of its documents; undefined when one of them has an error. */
  readonly documents?: KnownDocuments;
}

/** Parsing costs up to two seconds a mebibyte, and nothing else runs meanwhile. */
export const maxBytes = 512 * 1024;
const maxDocuments = 10_000;
/** Aliases and merge keys make a document larger than the file that it is in. */
const maxJson = 4 * maxBytes;

/**
 * Reads a file of YAML or JSON documents; a bad object or document is refused alone. Documents that are in `known` are not
 * read again. Pure, and never throws.
 */
export function readManifests(text: string, file: string, known: KnownDocuments = new Map()): FileContents {
  if (text.length > maxBytes) return unreadable(file, `has ${text.length} bytes, more than ${maxBytes}`);
  const each = readEach(text, known, maxJson);
  if (each)
    return each.documents.length > maxDocuments
      ? tooMany(each.documents, file)
      : new Contents(file, each.known).addAll(each.documents);
  let documents: readonly Parsed[];
  try {
    documents = parseDocuments(text);
  } catch (error) {
    return unreadable(file, sentence(error));
  }
  return documents.length > maxDocuments ? tooMany(documents, file) : readWhole(documents, file);
}

const tooMany = ({ length }: { readonly length: number }, file: string): FileContents =>
  unreadable(file, `has ${length} documents, more than ${maxDocuments}: split it`);

/** A file of which nothing could be read. */
export const unreadable = (file: string, reason: string): FileContents => ({
  objects: new Map(),
  refused: new Set(),
  standIns: new Map(),
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

/** Documents with an error are refused one by one. */
function readWhole(documents: readonly Parsed[], file: string): FileContents {
  const contents = new Contents(file);
  for (const parsed of documents) {
    try {
      contents.addAll([readDocument(parsed, maxJson)]);
    } catch (error) {
      contents.broken = true;
      contents.reject(file, fileFinding('INVALID_YAML', sentence(error)), parsed.line);
    }
  }
  return contents;
}

const mergeOverrides = (keys: readonly string[]): Finding => ({
  code: 'MERGE_KEY_WINS',
  severity: 'WARNING',
  field: keys[0] ?? '',
  message: `a merge key after ${keys.slice(0, 5).join(', ')} sets it again, as kubectl reads it: put << first in its map`,
});

class Contents implements FileContents {
  readonly objects = new Map<string, Held>();
  readonly refused = new Set<string>();
  readonly standIns = new Map<string, Held>();
  readonly rejections: Rejection[] = [];
  broken = false;
  readonly documents?: KnownDocuments;
  readonly #file: string;

  constructor(file: string, documents?: KnownDocuments) {
    this.#file = file;
    if (documents) this.documents = documents;
  }

  addAll(documents: readonly ReadDocument[]): this {
    for (const { line, overridden, items } of documents) {
      if (overridden.length > 0) this.reject(this.#file, mergeOverrides(overridden), line);
      for (const item of items) this.#add(item, line);
    }
    return this;
  }

  #add({ json, decoded }: ReadItem, line: number): void {
    if (!decoded.ok) {
      this.#refuse(decoded.error, json, line);
    } else if (decoded.value.kind === 'foreign') {
      // Values of a Helm chart, say: no object, and no mistake.
    } else if (decoded.value.kind === 'skipped') {
      const { what, apiVersion } = decoded.value;
      this.reject(what, skipped(apiVersion), line);
    } else {
      const { what, object, findings } = decoded.value;
      for (const one of [...notEnforced(object), ...findings]) this.reject(what, one, line);
      this.#hold(what, object, json, line);
    }
  }

  reject(object: string, finding: Finding, line: number): void {
    this.rejections.push(rejectionOf(object, finding, this.#file, line));
  }

  #refuse(refusal: Refusal, json: string, line: number): void {
    const { id, standIn } = refusal;
    // Of a policy without a readable namespace nobody knows which one of the file before it was: all of them stay.
    if (id === undefined || standIn === 'NO_NAMESPACE') this.broken = true;
    else this.refused.add(id);
    this.reject(refusal.object, refusal, line);
    if (standIn === 'NO_NAMESPACE') this.reject(refusal.object, notClosed, line);
    const held = standingIn(refusal, { json, file: this.#file, line });
    if (held) this.standIns.set(objectId(held.object.kind, held.object.metadata), held);
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

interface Place {
  readonly json: string;
  readonly file: string;
  readonly line: number;
}

/** What is in force for a refused policy; undefined: nothing, as it would deny nothing. */
export function standingIn(
  refusal: Pick<Refusal, 'object' | 'standIn'>,
  { json, file, line }: Place,
): Held | undefined {
  const inForce = inForceFor(refusal, { file, line });
  return inForce && { ...inForce, json, line };
}

/** The refused policy has no readable namespace, so its workloads are unknown. */
const notClosed: Finding = {
  code: 'REFUSED_POLICY_NOT_ENFORCED',
  severity: 'ERROR',
  field: 'metadata.namespace',
  message:
    'this policy cannot be read, nor its namespace: what this file held before stays in force, and if this policy was not in it, connections that it denies are let in; correct it to end this',
};

const skipped = (apiVersion: string): Finding => ({
  code: 'SKIPPED',
  severity: 'INFO',
  field: 'kind',
  message: `Isthmus does not use this kind (${apiVersion})`,
});

const sentence = (error: unknown): string =>
  error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'is not YAML';
