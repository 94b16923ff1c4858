import { parseAllDocuments } from 'yaml';
import type { Rejection } from '@isthmus/api/domain/observation.ts';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';

/** What one file of manifests holds. `broken`: it could not be read as YAML, so the last good form stays. */
export interface FileContents {
  readonly objects: ReadonlyMap<string, ClusterObject>;
  readonly rejections: readonly Rejection[];
  readonly broken: boolean;
}

const mostBytes = 4 * 1024 * 1024;
const mostDocuments = 1000;

/** Reads a file of YAML documents; a bad object is refused alone. Pure, and never throws. */
export function readManifests(text: string, file: string): FileContents {
  if (text.length > mostBytes) return unreadable(file, `has ${text.length} bytes, more than ${mostBytes}`);
  let documents: unknown[];
  try {
    documents = parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
      const [error] = document.errors;
      if (error) throw error;
      return document.toJS({ maxAliasCount: 100 }) as unknown;
    });
  } catch (error) {
    return unreadable(file, error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'is no YAML');
  }
  if (documents.length > mostDocuments)
    return unreadable(file, `has ${documents.length} documents, more than ${mostDocuments}`);
  return readObjects(documents.flatMap(items));
}

const unreadable = (file: string, reason: string): FileContents => ({
  objects: new Map(),
  rejections: [{ object: file, field: '', reason }],
  broken: true,
});

/** A List stands for its items; an empty document for nothing. */
function items(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) return [];
  const list = document as { kind?: unknown; items?: unknown };
  return list.kind === 'List' && Array.isArray(list.items) ? list.items : [document];
}

function readObjects(raws: readonly unknown[]): FileContents {
  const objects = new Map<string, ClusterObject>();
  const rejections: Rejection[] = [];
  for (const raw of raws) {
    const decoded = decodeObject(raw);
    if (!decoded.ok) rejections.push(decoded.error);
    else if (decoded.value.kind === 'skipped')
      rejections.push({
        object: decoded.value.what,
        field: 'kind',
        reason: 'SKIPPED: Isthmus does not act on this kind',
      });
    else
      objects.set(objectId(decoded.value.object.kind, decoded.value.object.metadata), decoded.value.object);
  }
  return { objects, rejections, broken: false };
}
