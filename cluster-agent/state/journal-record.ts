import { crc32 } from 'node:zlib';

/** What a journal says, in the order in which it was said. */
export type JournalRecord =
  | { readonly kind: 'PUT'; readonly key: string; readonly body: Uint8Array }
  | { readonly kind: 'REMOVE'; readonly key: string }
  /** Every record before this one has been flushed to the disk: what is missing there was not cut off by a crash. */
  | { readonly kind: 'FLUSHED' }
  /** The last one of a segment that others follow. */
  | { readonly kind: 'END' };

/** A record with its place in a segment. Bytes. */
export interface Found {
  readonly record: JournalRecord;
  readonly offset: number;
  readonly size: number;
}

/** Bytes that a key may have as UTF-8: its length is written in two bytes. */
export const maxKeyBytes = 0xffff;

const kinds = ['PUT', 'REMOVE', 'FLUSHED', 'END'] as const;

/** Length and CRC-32, 4 bytes each. The CRC is of the length and of everything that follows the CRC. */
const headBytes = 8;
/** Kind, 1 byte, and the length of the key, 2. The key follows, and then the body. */
const fixedBytes = 3;

/** All numbers are big-endian. The length is that of what follows the head. The key has at most `maxKeyBytes`. */
export function encodeRecord(record: JournalRecord): Buffer {
  const key = Buffer.from('key' in record ? record.key : '');
  const body = record.kind === 'PUT' ? record.body : Buffer.alloc(0);
  const length = fixedBytes + key.length + body.length;
  const bytes = Buffer.allocUnsafe(headBytes + length);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt8(kinds.indexOf(record.kind) + 1, headBytes);
  bytes.writeUInt16BE(key.length, headBytes + 1);
  bytes.set(key, headBytes + fixedBytes);
  bytes.set(body, headBytes + fixedBytes + key.length);
  bytes.writeUInt32BE(sumOf(bytes), 4);
  return bytes;
}

/** It has no content, so that it can be searched for where lengths cannot be read. */
export const flushedMark: Buffer = encodeRecord({ kind: 'FLUSHED' });

export const endMark: Buffer = encodeRecord({ kind: 'END' });

/** The records from the start of a segment up to the first one that is not whole, or to the end. Bodies are views of `bytes`. */
export function* readRecords(bytes: Buffer): Generator<Found> {
  for (let found = readAt(bytes, 0); found; found = readAt(bytes, found.offset + found.size)) yield found;
}

function readAt(bytes: Buffer, offset: number): Found | undefined {
  if (bytes.length < offset + headBytes + fixedBytes) return undefined;
  const length = bytes.readUInt32BE(offset);
  const size = headBytes + length;
  if (length < fixedBytes || bytes.length < offset + size) return undefined;
  const whole = bytes.subarray(offset, offset + size);
  if (whole.readUInt32BE(4) !== sumOf(whole)) return undefined;
  const record = decode(whole.subarray(headBytes));
  return record && { record, offset, size };
}

function decode(content: Buffer): JournalRecord | undefined {
  const kind = kinds[content.readUInt8(0) - 1];
  const end = fixedBytes + content.readUInt16BE(1);
  if (kind === undefined || end > content.length) return undefined;
  const key = content.toString('utf8', fixedBytes, end);
  if (kind === 'FLUSHED' || kind === 'END') return { kind };
  return kind === 'PUT' ? { kind, key, body: content.subarray(end) } : { kind, key };
}

function sumOf(whole: Buffer): number {
  return crc32(whole.subarray(headBytes), crc32(whole.subarray(0, 4)));
}
