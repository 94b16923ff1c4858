import { mkdirSync, readdirSync } from 'node:fs';
import { fileError } from '@isthmus/mesh/process/file-error.ts';
import { flushedMark, readRecords, type Found } from './journal-record.ts';
import { Segment } from './segment.ts';

/** Where the newest record of a key is. Bytes. */
export interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly size: number;
}

export interface Loaded {
  /** Oldest first. */
  readonly segments: Segment[];
  readonly places: Map<string, Place>;
}

/**
 * Reads the segments of a folder, which is made when it is not there. What a crash has left after the last whole record
 * is removed: it was not flushed. DAMAGED: something that was flushed cannot be read, so what is missing is unknown.
 * Throws STATE_FILE and WRITE_FAILED.
 */
export function loadSegments(folder: string): Loaded | 'DAMAGED' {
  const segments = list(folder);
  const [first] = segments;
  if (segments.some(({ number }, i) => number !== (first?.number ?? 0) + i)) return 'DAMAGED';
  const places = new Map<string, Place>();
  for (const [i, segment] of segments.entries()) {
    const bytes = segment.read();
    const { end, isEnded } = take(places, segment, bytes);
    if (end === bytes.length && (isEnded || i === segments.length - 1)) continue;
    const later = segments.splice(i + 1);
    if ([bytes.subarray(end), ...later.map((one) => one.read())].some((rest) => rest.includes(flushedMark)))
      return 'DAMAGED';
    // The newest first, so that after another crash nothing follows a record that is missing.
    for (const one of later.reverse()) one.delete();
    segment.cut(end);
  }
  return { segments, places };
}

function list(folder: string): Segment[] {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return readdirSync(folder)
      .flatMap((file) => Segment.existing(folder, file) ?? [])
      .sort((a, b) => a.number - b.number);
  } catch (cause) {
    throw fileError('STATE_FILE', folder, 'read', cause);
  }
}

/** Returns where the records end that are whole, and whether the last of them says that another segment follows. */
function take(
  places: Map<string, Place>,
  segment: Segment,
  bytes: Buffer,
): { readonly end: number; readonly isEnded: boolean } {
  let last: Found | undefined;
  for (const found of readRecords(bytes)) {
    const { record, offset, size } = (last = found);
    if (record.kind === 'PUT') places.set(record.key, { segment, offset, size });
    if (record.kind === 'REMOVE') places.delete(record.key);
  }
  return { end: last ? last.offset + last.size : 0, isEnded: last?.record.kind === 'END' };
}
